"""ResultStore: the rows of each finished case in a Parquet file named by the resume key of the case.

A file is written under a temporary name and renamed, so that killing anything loses at most the cases in flight. A
key is the digest of everything the result depends on; a changed file or option gives another key, so the old part
is not found and the case is computed again. Two results never share a key, so no case is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from maskwright.engine.storage import FolderLock, atomic_file, remove_unfinished
from maskwright.errors import InputError


@contextmanager
def only_run_in(folder: Path) -> Iterator[None]:
    """Lock a folder, so that a second run cannot write into it; the lock of a killed run is gone.

    Raises
    ------
    InputError
        Another run has locked it.
    """
    with FolderLock(folder) as lock:
        if not lock.alone:
            raise InputError(f"another run writes into {folder}: wait for it, or take another folder")
        yield


class ResultStore:
    """One table for each resume key, in a folder.

    Parameters
    ----------
    folder : Path
        Where the parts are; made when it is missing. Half-written parts of a killed run are removed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)

    def load(self) -> dict[str, pl.DataFrame]:
        """Return every part by its key. A part that cannot be read (a full disk, a power cut) is removed."""
        parts: dict[str, pl.DataFrame] = {}
        for path in sorted(self._folder.glob("[!.]*.parquet")):
            try:
                parts[path.stem] = pl.read_parquet(path)
            except (pl.exceptions.PolarsError, OSError):
                path.unlink(missing_ok=True)
        return parts

    def add(self, key: str, table: pl.DataFrame) -> None:
        """Store the rows of one case."""
        with atomic_file(self._folder / f"{key}.parquet") as unfinished:
            table.write_parquet(unfinished)

    def clear(self) -> None:
        """Remove every part."""
        for path in self._folder.glob("[!.]*.parquet"):
            path.unlink(missing_ok=True)
