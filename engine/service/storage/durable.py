"""Files that are there whole or not at all, also after a power cut: temporary name, flush, fsync, rename, fsync."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from maskwright.errors import StorageError

_UNFINISHED = ".unfinished-"
_BLOCK = 1 << 20


def beside(path: Path) -> Path:
    """Return a temporary name in the folder of ``path``, of its suffix; no reader looks at such names."""
    return path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}-{path.name}")


def is_unfinished(name: str) -> bool:
    """Tell whether it is a temporary name."""
    return name.startswith(_UNFINISHED)


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process left under temporary names in a folder and in the folders in it."""
    for path in [*folder.glob(f"**/{_UNFINISHED}*")]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def create(path: Path) -> BinaryIO:
    """Open a new file to write to; only its user may read it, whatever the umask."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def write_synced(path: Path, data: bytes | Path) -> None:
    """Write a new file with these bytes, or those of another file, and wait until they are on the disk."""
    with create(path) as target:
        if isinstance(data, bytes):
            target.write(data)
        else:
            with data.open("rb") as source:
                shutil.copyfileobj(source, target, _BLOCK)
        sync_file(target.fileno())


def sync_file(descriptor: int) -> None:
    """Wait until an open file is on the disk."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # some network file systems do not sync folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing, each of them on the disk and for its user alone."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


@contextmanager
def storing() -> Iterator[None]:
    """Turn the system's error of a full or read-only disk into a StorageError of one line, without the path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageError(f"the data folder cannot be written to ({reason}): free space or allow writing") from error
