"""One row of the log, its canonical JSON, and the hash that chains it to the row before.

The hash of a row is the SHA-256, in hex, of the hash of the row before (64 zeros before the first) followed by the
canonical JSON of the row without its own hash. Canonical: keys sorted, no blanks, everything beyond ASCII escaped.
An exported line is that JSON with the hash among its keys, so a reviewer can work the chain out again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

COLUMNS = ("number", "time", "actor", "role", "action", "subject", "region", "outcome", "request_id", "details")
GENESIS = "0" * 64


def canonical(value: object) -> str:
    """Write a value as canonical JSON; raise ``ValueError`` or ``TypeError`` for one that JSON cannot hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Row:
    """One row as it is stored. The values may have been tampered with: of their types nothing is promised.

    Attributes
    ----------
    values : tuple
        In the order of ``COLUMNS``; details is JSON text.
    hash : object
        The stored hash: hex text in a row that is whole.
    """

    values: tuple[object, ...]
    hash: object

    @property
    def number(self) -> int:
        """The row's number; the first is 1."""
        number = self.values[0]
        assert isinstance(number, int)  # it is the key of the table, and SQLite keeps nothing else there
        return number

    def fields(self) -> dict[str, object]:
        """Return the columns by name, the details read from JSON.

        Raises
        ------
        ValueError
            The details are not canonical JSON: two texts must never stand for one row.
        """
        fields = dict(zip(COLUMNS, self.values))
        text = fields["details"]
        if not isinstance(text, str):
            raise ValueError("details are no text")
        fields["details"] = json.loads(text)
        if canonical(fields["details"]) != text:
            raise ValueError("details are not canonical JSON")
        return fields

    def follows(self, previous: object) -> bool:
        """Whether the stored hash is that of this row after a row with the hash ``previous``."""
        try:
            return isinstance(previous, str) and self.hash == chain_hash(previous, self.fields())
        except (ValueError, TypeError, RecursionError):
            return False

    def to_json(self) -> str:
        """Return the exported line: canonical JSON of the columns and the hash."""
        return canonical({**self.fields(), "hash": self.hash})


def chain_hash(previous: str, fields: Mapping[str, object]) -> str:
    """Return the hash that a row of these fields must carry after a row with the hash ``previous``."""
    return hashlib.sha256((previous + canonical(fields)).encode()).hexdigest()
