"""``maskwright serve``: the service for front-ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskwright.errors import MissingExtraError

EXAMPLE = "maskwright serve --data scans"


def run(
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of images to serve; labels are saved in it.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="For the page and MONAI Label's clients.")] = 8000,
    nninteractive_port: Annotated[int, typer.Option(help="For nnInteractive's clients: Slicer, napari.")] = 1527,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Store no upload and no label.")] = False,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask for the tokens of this file; see docs/service.md.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let everybody who can reach --host do everything.")
    ] = False,
) -> None:
    """Serve masks to front-ends: a page, MONAI Label and nnInteractive.

    Without --data the service starts without images and stores nothing. A --host beyond this machine needs
    --token-file or --insecure.
    """
    try:
        from maskwright.engine.service.app import Settings
        from maskwright.engine.service.server import exit_now, serve
    except ImportError as error:
        raise MissingExtraError(error.name or "fastapi", "serve") from None

    settings = Settings(
        data=data,
        host=host,
        port=port,
        nninteractive_port=nninteractive_port,
        ephemeral=ephemeral,
        token_file=token_file,
        insecure=insecure,
    )
    serve(settings)
    exit_now()
