"""Say whether a log is whole, and where it is not.

It finds every change of a row that does not give all later rows new hashes; every removed row; and, for rows that a
checkpoint covers, also a chain that was rebuilt and a tail that was cut. It cannot find rows after the last checkpoint
that were rebuilt or cut, nor rows that were cut together with their checkpoints, unless it is given a copy of a
checkpoint from another place.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from maskwright.engine.audit.chain import Finding, walk
from maskwright.engine.audit.checkpoints import Checkpoint, CheckpointLines, checkpoints_path, read_checkpoints
from maskwright.engine.audit.database import (
    UNREADABLE,
    has_events,
    open_for_reading,
    read_rows,
    schema_is_ours,
    table_is_ours,
)
from maskwright.engine.audit.key import AuditKey
from maskwright.engine.audit.row import COLUMNS, GENESIS
from maskwright.errors import FileFormatError

_OUTCOME, _REQUEST = COLUMNS.index("outcome"), COLUMNS.index("request_id")


@dataclass(frozen=True)
class Verification:
    """The verdict on a log.

    Attributes
    ----------
    rows : int
        The number of the last row that could be read.
    signed_rows : int
        How many rows the newest checkpoint covers; the chain alone holds the rest.
    unfinished : int
        How many acts have an event that they began and none of their outcome: they run now, or the process died or
        could not write meanwhile.
    findings : tuple of Finding
        The faults: the chain's first fault, the first checkpoint that the rows contradict, the forged lines, an
        altered schema. Empty when the log is whole.
    """

    rows: int
    signed_rows: int
    unfinished: int
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def to_line(self) -> str:
        """Return the verdict in one plain line."""
        if self.findings:
            return f"broken: {'; '.join(finding.message for finding in self.findings)}"
        unsigned = self.rows - self.signed_rows
        rest = f", the last {unsigned} held by the chain only" if unsigned else ""
        acts = f"; {self.unfinished} acts began and have no outcome" if self.unfinished else ""
        return f"whole: {self.rows} rows, {self.signed_rows} of them under a signed checkpoint{rest}{acts}"


@dataclass(frozen=True)
class _Chain:
    rows: int
    fault: Finding | None
    heads: dict[int, object]
    """The stored hash of each row that a checkpoint names."""
    unfinished: int = 0
    to_the_end: bool = True
    """False when there may be rows that could not be read."""


def verify(path: Path, key: AuditKey, *, checkpoints: Path | None = None) -> Verification:
    """Check every row, every link and every checkpoint of a log; it may be written to meanwhile.

    Parameters
    ----------
    path : Path
        The database.
    key : AuditKey
        The key that signed its checkpoints.
    checkpoints : Path, optional
        Checkpoints kept elsewhere; they count beside those next to the database, if there are any.

    Raises
    ------
    FileFormatError
        The database is missing or holds no audit log, or the file of checkpoints that was named cannot be read.
    """
    # Before the database: a log that is being written to must not seem cut.
    lines = [(file, read_checkpoints(file, key)) for file in _checkpoint_files(path, checkpoints)]
    known = sorted((c for _, content in lines for c in content.checkpoints), key=lambda checkpoint: checkpoint.rows)
    with open_for_reading(path) as connection:
        chain, altered = _read(connection, path, {checkpoint.rows for checkpoint in known})
    signed = known[-1].rows if known else 0
    forged = [finding for file, content in lines for finding in _forged(file, content)]
    unsigned = [] if known or forged else [Finding("unsigned", 0, 0, "there is no signed checkpoint to hold it to")]
    faults = [chain.fault, _contradiction(known, chain), *forged, *unsigned, altered]
    findings = tuple(finding for finding in faults if finding is not None)
    return Verification(chain.rows, min(signed, chain.rows), chain.unfinished, findings)


def _checkpoint_files(path: Path, named: Path | None) -> list[Path]:
    beside = checkpoints_path(path)
    files = [] if named is None else [named]
    if beside.exists() and not (named is not None and named.exists() and named.samefile(beside)):
        files.append(beside)
    return files


def _read(connection: sqlite3.Connection, path: Path, wanted: set[int]) -> tuple[_Chain, Finding | None]:
    number = 0
    fault: Finding | None = None
    heads: dict[int, object] = {0: GENESIS}
    begun: set[object] = set()
    try:
        if not has_events(connection):
            raise FileFormatError(f"{path}: expected an audit log, got another database: name an audit log")
        if not table_is_ours(connection):
            altered = Finding("schema", 0, 0, "the table of events was altered, and its rows cannot be trusted")
            return _Chain(0, None, heads, to_the_end=False), altered
        for link in walk(read_rows(connection)):
            number = link.row.number
            fault = fault or link.finding
            if number in wanted:
                heads[number] = link.row.hash
            request = link.row.values[_REQUEST]
            (begun.add if link.row.values[_OUTCOME] == "begun" else begun.discard)(request)
        if schema_is_ours(connection):
            return _Chain(number, fault, heads, len(begun)), None
        return _Chain(number, fault, heads, len(begun)), Finding(
            "schema", 0, 0, "the triggers that refuse changes were altered"
        )
    except UNREADABLE:
        damaged = Finding("damaged", number + 1, number + 1, f"the database cannot be read after row {number}")
        return _Chain(number, fault or damaged, heads, to_the_end=False), None


def _contradiction(known: list[Checkpoint], chain: _Chain) -> Finding | None:
    """Return the first checkpoint that the rows contradict; those before it bound the place."""
    agreed = 0
    for checkpoint in known:
        if checkpoint.rows > chain.rows:
            if not chain.to_the_end:
                return None
            words = (
                f"the tail was cut: a checkpoint of {checkpoint.time} knows {checkpoint.rows} rows, got {chain.rows}"
            )
            return Finding("cut", max(chain.rows, 0) + 1, checkpoint.rows, words)
        if chain.heads.get(checkpoint.rows) != checkpoint.head:
            first, last = agreed + 1, checkpoint.rows
            words = f"a row from {first} to {last} was changed: the checkpoint of row {last} signs another hash"
            return Finding("rebuilt", first, last, words)
        agreed = checkpoint.rows
    return None


def _forged(file: Path, content: CheckpointLines) -> list[Finding]:
    if not content.forged:
        return []
    first, last = content.forged[0], content.forged[-1]
    words = f"line {first} of {file.name} is forged, or was signed with another key"
    return [Finding("forged", first, last, words)]
