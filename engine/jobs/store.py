"""The resume store: the result of each finished case in a Parquet file of its own, named by the case's resume key.

A file is written under a temporary name and renamed, so that killing anything loses at most the cases in flight. A
key is the digest of everything the result depends on; a changed file or option gives another key, so the old part
is not found and the case is computed again. Two parts never share a key, so no case is counted twice.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from maskwright.errors import InputError


@contextmanager
def only_run_in(folder: Path) -> Iterator[None]:
    """Hold a folder, so that a second run cannot write into it; a run that was killed holds it no longer.

    Raises
    ------
    InputError
        Another run holds it.
    """
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"another run writes into {folder}: wait for it, or take another folder") from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(held)


class ResultStore:
    """Keeps one table per resume key in a folder.

    Parameters
    ----------
    folder : Path
        Where the parts are; made when it is missing. What was left half-written there is removed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob(".*.tmp"):
            left_over.unlink(missing_ok=True)

    def load(self) -> dict[str, pl.DataFrame]:
        """Return every part by its key. A part that cannot be read (a full disk, a power cut) is removed."""
        parts: dict[str, pl.DataFrame] = {}
        for path in sorted(self._folder.glob("*.parquet")):
            try:
                parts[path.stem] = pl.read_parquet(path)
            except (pl.exceptions.PolarsError, OSError):
                path.unlink(missing_ok=True)
        return parts

    def append(self, key: str, rows: pl.DataFrame) -> None:
        """Keep the rows of one case."""
        temporary = self._folder / f".{key}.tmp"
        rows.write_parquet(temporary)
        temporary.replace(self._folder / f"{key}.parquet")

    def clear(self) -> None:
        """Remove every part."""
        for path in self._folder.glob("*.parquet"):
            path.unlink(missing_ok=True)
