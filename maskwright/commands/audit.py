"""``maskwright audit``: verify an audit log, export it, and copy its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="audit",
    help="Check an audit log, write it out for a reviewer, or keep its signed checkpoints elsewhere.",
    rich_markup_mode=None,
)

Database = Annotated[Path, typer.Argument(metavar="DATABASE", help="The audit log: an SQLite file.")]
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The key file. Default: as the environment variable MASKWRIGHT_AUDIT_KEY says, or DATABASE.key.",
    ),
]


@app.command(epilog="Example: maskwright audit verify audit.db --key /secure/audit.key")
def verify(
    database: Database,
    key: Key = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Checkpoints kept elsewhere; they count too."),
    ] = None,
) -> None:
    """Say whether a log is whole, or which row was changed, removed or cut off.

    Checks every row against its hash, and the rows against every signed checkpoint. Exit status 1 when it is broken.
    """
    from maskwright.engine.audit import key_path_of, read_key
    from maskwright.engine.audit import verify as verify_log
    from maskwright.errors import FileFormatError

    if not database.is_file():  # before its key, which cannot be there either
        raise FileFormatError(f"there is no audit log {database}: name its database")
    found = verify_log(database, read_key(key or key_path_of(database)), checkpoints=checkpoints)
    print(found.to_line())
    if not found.whole:
        raise typer.Exit(1)


@app.command(epilog="Example: maskwright audit export audit.db --out audit.jsonl")
def export(
    database: Database,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file for the events, one JSON object a line.")],
) -> None:
    """Write the events as JSON lines. Verify the log first: export writes what is there."""
    from maskwright.engine.audit import export_events

    count = export_events(database, out)
    print(f"{count} events: {out}")


@app.command(epilog="Example: maskwright audit checkpoints audit.db --out /elsewhere/audit.checkpoints.jsonl")
def checkpoints(
    database: Database,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file for the checkpoints, best on another machine.")],
    key: Key = None,
) -> None:
    """Write the signed checkpoints as JSON lines, to be kept where who writes the database cannot reach.

    Who cuts off the newest rows and their checkpoints together leaves a log that looks whole; only a copy of a
    checkpoint tells. Run this every day, and hand the copy to `maskwright audit verify --checkpoints FILE`. An earlier
    copy is not replaced when it knows more than the log does.
    """
    from maskwright.engine.audit import export_checkpoints, key_path_of, read_key

    count = export_checkpoints(database, read_key(key or key_path_of(database)), out)
    print(f"{count} checkpoints: {out}")
