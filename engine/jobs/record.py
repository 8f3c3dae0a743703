"""RunRecord: how far a run is, in memory, on the wire and in its file ``run.json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

from maskwright.engine.storage import atomic_file, storing, sync_folder, write_synced

State = Literal["waiting", "running", "done", "failed", "cancelled"]

RECORD_FILE = "run.json"
PARTS_FOLDER = "parts"
"""The resume store, removed when a run of a server ends."""


@dataclass(frozen=True)
class RunRecord:
    """How far a run is.

    Attributes
    ----------
    state : {"waiting", "running", "done", "failed", "cancelled"}
        A run with failed cases is ``done``; ``failed`` is a run without results.
    done, total : int
        Cases that are finished, failed ones among them, and all cases.
    failed : int
        Cases that failed.
    detail : str
        One line about a failure; empty where there is none.
    """

    state: State
    done: int = 0
    total: int = 0
    failed: int = 0
    detail: str = ""

    @property
    def ended(self) -> bool:
        """Whether the record is final."""
        return self.state in ("done", "failed", "cancelled")

    def to_line(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the record in the folder of a run, or None where there is none that can be read."""
        try:
            return cls(**json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Write the record into the folder of a run; afterwards it is on the disk.

        Raises
        ------
        StorageError
            The disk is full or read-only.
        """
        with storing():
            with atomic_file(folder / RECORD_FILE) as unfinished:
                write_synced(unfinished, self.to_line().encode())
            sync_folder(folder)


Progress = Callable[[RunRecord], None]
"""Called with a record at the start of a run and after each case."""
