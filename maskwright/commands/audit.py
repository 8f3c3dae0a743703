"""``maskwright audit``: verify an audit log, export it, and copy its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="audit",
    help="Verify an audit log, export it, or copy its signed checkpoints.",
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
        typer.Option(metavar="FILE", help="A copy of checkpoints from elsewhere, checked too."),
    ] = None,
) -> None:
    """Check that a log is whole, or name the rows that were changed, removed or cut off.

    Checks every row against its hash, and the rows against every signed checkpoint. Exit status 1 when it is broken.
    """
    from maskwright.engine.audit import key_path_of, read_key
    from maskwright.engine.audit import verify as verify_log
    from maskwright.errors import FileFormatError

    if not database.is_file():  # before its key, which is missing too
        raise FileFormatError(f"there is no audit log {database}: name its database")
    verification = verify_log(database, read_key(key or key_path_of(database)), checkpoints=checkpoints)
    print(verification.to_line())
    if not verification.whole:
        raise typer.Exit(1)


@app.command(epilog="Example: maskwright audit export audit.db --out audit.jsonl")
def export(
    database: Database,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file for the events, one JSON object a line.")],
) -> None:
    """Write the events as JSON lines. Verify the log before: an export is not checked."""
    from maskwright.engine.audit import export_events

    count = export_events(database, out)
    print(f"{count} events: {out}")


@app.command(epilog="Example: maskwright audit checkpoints audit.db --out /elsewhere/audit.checkpoints.jsonl")
def checkpoints(
    database: Database,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file for the checkpoints, best on another machine.")],
    key: Key = None,
) -> None:
    """Write the signed checkpoints as JSON lines, for a folder beyond the reach of the database's writers.

    A log without its newest rows and their checkpoints looks whole; only a copy of a checkpoint shows the loss. Run
    this every day, and give the copy to `maskwright audit verify --checkpoints FILE`. An earlier copy with more
    checkpoints than the log is not replaced.
    """
    from maskwright.engine.audit import export_checkpoints, key_path_of, read_key

    count = export_checkpoints(database, read_key(key or key_path_of(database)), out)
    print(f"{count} checkpoints: {out}")
