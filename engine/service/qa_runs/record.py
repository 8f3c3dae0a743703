"""How far a run is, and its file ``run.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

from maskwright.engine.storage import storing, sync_folder, unfinished_path, write_synced

State = Literal["waiting", "running", "done", "failed", "cancelled"]

RECORD = "run.json"


@dataclass(frozen=True)
class Record:
    """``done`` of ``total`` cases are measured or have ``failed``; ``detail`` says in a line what went wrong."""

    state: State
    done: int
    total: int
    failed: int
    detail: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will change."""
        return self.state in ("done", "failed", "cancelled")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the record of a run's folder, or None where there is none that can be read."""
        try:
            return cls(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Put the record into a run's folder; when this returns, it is on the disk."""
        unfinished = unfinished_path(folder / RECORD)
        with storing():
            try:
                write_synced(unfinished, json.dumps(asdict(self)).encode())
                unfinished.replace(folder / RECORD)
            finally:
                unfinished.unlink(missing_ok=True)
            sync_folder(folder)
