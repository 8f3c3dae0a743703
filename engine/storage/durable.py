"""Flush files and folders to the disk: a new name outlives a power cut only when its folder was flushed too."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from maskwright.errors import StorageError

_BLOCK = 1 << 20
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP)  # from file systems that do not sync folders


@contextmanager
def synced_file(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a new file to write to; it is on the disk when the block ends.

    Parameters
    ----------
    path : Path
        Nothing may be there yet.
    mode : int
        Permissions, before the umask; by default the owner alone may read it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(descriptor)


def write_synced(path: Path, data: bytes | Path, mode: int = 0o600) -> None:
    """Write bytes, or the bytes of another file, to a new file and flush it to the disk."""
    with synced_file(path, mode) as target:
        if isinstance(data, bytes):
            target.write(data)
        else:
            with data.open("rb") as source:
                shutil.copyfileobj(source, target, _BLOCK)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte to an open file and flush it to the disk; ``os.write`` alone may stop half-way."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def sync_file(descriptor: int) -> None:
    """Flush an open file to the disk."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk; do nothing on file systems that cannot."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """Make a folder and its missing parents, each flushed to the disk; by default for the owner alone."""
    if folder.is_dir():
        return
    make_folder(folder.parent, mode)
    folder.mkdir(mode, exist_ok=True)
    sync_folder(folder.parent)


def identity_of(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file at a path, which another file put there does not have; None when gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def storing(subject: str = "the data folder") -> Iterator[None]:
    """Turn the system's error of a full or read-only disk into a StorageError of one line about ``subject``."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageError(f"{subject}: cannot be written ({reason}): free space or allow writing") from error
