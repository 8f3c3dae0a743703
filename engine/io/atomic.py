"""Write a file or a folder whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name beside ``path`` to write a file to; afterwards it takes the place of ``path``.

    When the block raises, ``path`` is as it was and the unfinished file is gone. The suffix is kept, since writers
    choose their form by it.
    """
    unfinished = _beside(path)
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a name beside ``path`` to make a folder at; afterwards it takes the place of ``path``.

    A folder cannot replace another in one step: the old one is moved aside first and moved back when that fails.
    """
    unfinished, old = _beside(path), _beside(path)
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


def _beside(path: Path) -> Path:
    return path.with_name(f".{secrets.token_hex(4)}.{path.name}")
