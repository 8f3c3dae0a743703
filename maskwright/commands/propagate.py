"""``maskwright propagate``: slices between and beyond drawn ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskwright.commands.messages import announce_compiling, print_mask_paths
from maskwright.commands.options import Picture, SpacingMm, spacing_of, whole_numbers

EXAMPLE = "maskwright propagate ct.nii.gz every-tenth-slice.nii.gz --out liver.nii.gz --axis 0"


def run(
    image: Annotated[Path, typer.Argument(help="The image: a file, or a DICOM or zarr folder.")],
    sparse_mask: Annotated[Path, typer.Argument(help="The mask, drawn on some slices, on the image's grid.")],
    out: Annotated[Path, typer.Option(metavar="MASK", help="The file for the filled mask.")],
    axis: Annotated[int, typer.Option(metavar="0|1|2", help="The axis from slice to slice, in stored z, y, x.")] = 0,
    given: Annotated[
        str | None,
        typer.Option(metavar="K,K,...", help="The drawn slices, empty ones too. Default: those that hold a label."),
    ] = None,
    start: Annotated[int | None, typer.Option("--from", metavar="K", help="The first slice to fill.")] = None,
    stop: Annotated[int | None, typer.Option("--to", metavar="K", help="The slice to stop before.")] = None,
    spacing_mm: SpacingMm = None,
    picture: Picture = None,
) -> None:
    """Fill the slices of a mask between and beyond drawn ones.

    Drawn slices stay as they are. Prints how many slices were filled and which ones to look at next.
    """
    from maskwright.engine.assist.propagate_files import propagate_files
    from maskwright.engine.assist.terminal import print_propagation

    announce_compiling()

    result = propagate_files(
        image,
        sparse_mask,
        out,
        axis=axis,
        given=whole_numbers("--given", given) if given is not None else None,
        start=start,
        stop=stop,
        spacing_mm=spacing_of(spacing_mm),
        picture=picture,
    )
    print_propagation(result)
    print_mask_paths(out, picture)
