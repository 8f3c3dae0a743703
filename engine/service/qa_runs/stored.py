"""The folders of runs on the disk: each has the run's id for a name, and is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from maskwright.engine.service.qa_runs.record import RECORD
from maskwright.engine.storage import (
    is_unfinished,
    make_folder,
    storing,
    sync_folder,
    unfinished_path,
)
from maskwright.errors import StorageError

KEPT = 200
"""How many runs that have ended stay, so that the folder does not grow for ever: some weeks of daily runs, a list that
is told within some 10 ms, and, at some 0.2 MB a report and a table beside it, 100 MB."""

_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)


def is_id(name: str) -> bool:
    """Tell whether a run can have this id; nothing else is ever made a path of."""
    return _ID.fullmatch(name) is not None


def kept_ids(folder: Path) -> list[str]:
    """Return the ids of all runs in a folder, sorted; none where there is no folder yet."""
    try:
        return sorted(path.name for path in folder.iterdir() if is_id(path.name))
    except OSError:
        return []


@contextmanager
def half_made(place: Path) -> Iterator[Path]:
    """Make a folder of a temporary name for a run whose place this will be; it goes unless it was renamed.

    Raises
    ------
    StorageError
        The data folder cannot be written to.
    """
    unfinished = unfinished_path(place)
    with storing():
        make_folder(unfinished)
    try:
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def remove_run(place: Path) -> None:
    """Remove a run's folder: it goes at once, by its name, and then its files. One that has gone is no error.

    Raises
    ------
    StorageError
        The data folder cannot be written to; the run is still there.
    """
    gone = unfinished_path(place)
    with storing():
        try:
            place.rename(gone)
        except FileNotFoundError:
            return
        sync_folder(place.parent)
    shutil.rmtree(gone, ignore_errors=True)  # what is left, the next server removes


def remove_half_made(folder: Path) -> None:
    """Remove what a killed server was making or removing."""
    with contextlib.suppress(OSError):  # nobody has started a run yet
        for path in folder.iterdir():
            if is_unfinished(path.name):
                shutil.rmtree(path, ignore_errors=True)


def mark_newest(place: Path) -> None:
    """Let a run whose record was just written be the newest of its folder, also when the clock was set back since."""
    others = [_ended_at(place.parent / name) for name in kept_ids(place.parent) if name != place.name]
    newest = max(others, default=0.0)
    with contextlib.suppress(OSError):
        if _ended_at(place) <= newest:
            os.utime(place / RECORD, (newest + 1, newest + 1))


def remove_oldest(folder: Path, going: Collection[str]) -> None:
    """Remove the runs that ended first, by the time of their records, until ``KEPT`` are left beside those going on."""
    ended = [name for name in kept_ids(folder) if name not in going]
    if len(ended) <= KEPT:
        return
    with contextlib.suppress(StorageError):  # a disk that cannot be written to: the next start tries again
        for name in sorted(ended, key=lambda name: _ended_at(folder / name))[:-KEPT]:
            remove_run(folder / name)


def _ended_at(place: Path) -> float:
    """Return when a run's record was written, in seconds; 0 where it has none: such a run goes first."""
    try:
        return (place / RECORD).stat().st_mtime
    except OSError:
        return 0.0
