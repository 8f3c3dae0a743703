"""Write a file or a folder whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_UNFINISHED = ".unfinished-"
_LONGEST_SUFFIX = 32


def unfinished_path(path: Path) -> Path:
    """Return a temporary name in the folder of ``path``.

    The suffix is kept, since writers choose their format by it; the rest of the name is not, since it can hold a
    patient's name.
    """
    suffix = "".join(path.suffixes[-2:])[-_LONGEST_SUFFIX:]
    return path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}{suffix}")


def is_unfinished(name: str) -> bool:
    """Tell whether a file name is a temporary one."""
    return name.startswith(_UNFINISHED)


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files and folders that a killed process left in a folder and in the folders below it."""
    for path in [*folder.glob(f"**/{_UNFINISHED}*")]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write a file to; afterwards the file replaces ``path``.

    When the block raises, ``path`` is as it was and the unfinished file is gone.
    """
    unfinished = unfinished_path(path)
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary name to make a folder at; afterwards the folder replaces ``path``.

    A folder cannot replace another in one step: the old one is moved aside first and moved back when that fails.
    """
    unfinished, old = unfinished_path(path), unfinished_path(path)
    try:
        yield unfinished
        if path.exists():
            path.rename(old)
        try:
            unfinished.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
