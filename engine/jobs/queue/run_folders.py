"""The folders of runs: each has the name of the run. A run exists while its ``run.json`` does.

The record is the first file of a folder and the first to be removed, so that a run is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path

from maskwright.engine.jobs.record import RECORD_FILE, RunRecord
from maskwright.engine.storage import make_folder, remove_unfinished, storing, sync_folder
from maskwright.errors import StorageError

MOST_ENDED = 200
"""How many runs that have ended are kept: some weeks of daily runs. They are listed within some 10 ms and take, at
0.2 MB for a report and a table, some 40 MB."""

_NAME = re.compile(r"[0-9a-f]{16}", re.ASCII)


def is_run_name(name: str) -> bool:
    """Tell whether a run can have this name; no other name is ever joined to a path."""
    return _NAME.fullmatch(name) is not None


def run_names(folder: Path) -> list[str]:
    """Return the names of all runs, sorted."""
    return sorted(path.parent.name for path in folder.glob(f"*/{RECORD_FILE}") if is_run_name(path.parent.name))


def make_run_folder(path: Path, record: RunRecord) -> None:
    """Make the folder of a run with its record, on the disk.

    Raises
    ------
    StorageError
        The data folder cannot be written to; nothing is left.
    """
    try:
        with storing():
            make_folder(path)
        record.write(path)
    except StorageError:
        shutil.rmtree(path, ignore_errors=True)
        raise


def remove_run_folder(path: Path) -> None:
    """Remove a run: at once, by its record, and then its files. A run that is gone is no error.

    Raises
    ------
    StorageError
        The data folder cannot be written to; the run is still there.
    """
    with storing(), contextlib.suppress(FileNotFoundError):
        (path / RECORD_FILE).unlink()
        sync_folder(path)
    shutil.rmtree(path, ignore_errors=True)  # the next server removes the rest


def remove_incomplete(folder: Path) -> None:
    """Remove the runs that a killed server was making or removing. No other server may use the folder."""
    with contextlib.suppress(OSError):  # there was no run yet
        for path in folder.iterdir():
            if is_run_name(path.name) and not (path / RECORD_FILE).exists():
                shutil.rmtree(path, ignore_errors=True)
        remove_unfinished(folder)


def mark_newest(path: Path) -> None:
    """Date a record that was just written after all others, also when the clock was set back since."""
    others = [_ended_at(path.parent / name) for name in run_names(path.parent) if name != path.name]
    newest = max(others, default=0.0)
    with contextlib.suppress(OSError):
        if _ended_at(path) <= newest:
            os.utime(path / RECORD_FILE, (newest + 1, newest + 1))


def remove_oldest(folder: Path, unfinished: Collection[str]) -> None:
    """Remove the runs that ended first, by the dates of their records, until ``MOST_ENDED`` of them are left."""
    ended = [name for name in run_names(folder) if name not in unfinished]
    with contextlib.suppress(StorageError):  # a disk that cannot be written to: the next start tries again
        for name in sorted(ended, key=lambda name: _ended_at(folder / name))[:-MOST_ENDED]:
            remove_run_folder(folder / name)


def _ended_at(path: Path) -> float:
    """Return the date of the record of a run in seconds; 0 where it is gone."""
    try:
        return (path / RECORD_FILE).stat().st_mtime
    except OSError:
        return 0.0
