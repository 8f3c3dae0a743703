"""Walk along the chain: does each row follow the one before?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from maskwright.engine.audit.row import GENESIS, Row

FindingKind = Literal["changed", "missing", "added", "rebuilt", "cut", "damaged", "forged", "unsigned", "schema"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a log.

    Attributes
    ----------
    kind : str
        ``changed``: a row does not fit its hash. ``missing``: numbers are left out. ``added``: a number below 1.
        ``rebuilt``: the hashes fit each other, not a checkpoint. ``cut``: a checkpoint knows more rows. ``damaged``:
        SQLite cannot read on. ``forged``: a checkpoint's signature is wrong. ``unsigned``: there is no checkpoint.
        ``schema``: the triggers or the table were altered.
    first, last : int
        The rows it concerns, both included; the lines of the checkpoint file for ``forged``; 0 where it is no row.
    message : str
        The finding in words, without a full stop.
    """

    kind: FindingKind
    first: int
    last: int
    message: str


@dataclass(frozen=True)
class Link:
    """A row, with a finding where it does not follow the row before."""

    row: Row
    finding: Finding | None


def walk(rows: Iterable[Row], number: int = 0, head: object = GENESIS) -> Iterator[Link]:
    """Yield each row with its finding; ``number`` and ``head`` are those of the row before the first."""
    for row in rows:
        yield Link(row, _finding(row, number, head))
        number, head = row.number, row.hash


def _finding(row: Row, number: int, head: object) -> Finding | None:
    if row.number < 1:
        return Finding("added", row.number, row.number, f"row {row.number} was added: the first number is 1")
    expected = max(number, 0) + 1
    if row.number != expected:
        last = row.number - 1
        words = f"row {last} is missing" if last == expected else f"rows {expected} to {last} are missing"
        return Finding("missing", expected, last, words)
    if not row.follows(head):
        # When the row before was changed and given a new hash, its own hash fits and this one's does not.
        other = f", or row {number} was and got a new hash" if number else ""
        return Finding("changed", row.number, row.number, f"row {row.number} was changed{other}")
    return None
