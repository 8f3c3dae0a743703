"""Files that are there whole or not at all, also after a power cut: temporary name, flush, fsync, rename, fsync."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskwright.errors import FileFormatError

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


def write_synced(path: Path, data: bytes | Path) -> None:
    """Write a new file with these bytes, or those of another file, and wait until they are on the disk."""
    with path.open("xb") as target:
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
    """Make a folder and those above it where they are missing, each of them on the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


@contextmanager
def written_in_one_line() -> Iterator[None]:
    """Turn what the system says of a full disk or a read-only folder into an error of ours, without the path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FileFormatError(
            f"the data folder cannot be written to ({reason}): free space or allow writing"
        ) from error
