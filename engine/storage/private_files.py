"""Files of the server's process: for its user alone, and none left under the temporary folder when it was killed."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskwright.errors import StorageError

_PRIVATE = 0o077
"""The umask: nothing for the group, nothing for others."""


@contextmanager
def private_files() -> Iterator[Path]:
    """Let this process and its children write files for their user alone, temporary ones into one folder; yield it.

    That folder lies in ``maskwright-<user id>`` in the temporary folder, and its process holds a lock on it. Folders
    whose process is dead are removed first. The umask and ``TMPDIR`` are changed for the whole process, so this is for
    a process that only serves, before it starts threads; afterwards they are as they were.

    Raises
    ------
    StorageError
        The temporary folder cannot be written to, or another user has made a folder of this name in it.
    """
    before, umask = os.environ.get("TMPDIR"), os.umask(_PRIVATE)
    try:
        folder, descriptor = _make_folder(Path(tempfile.gettempdir()) / f"maskwright-{os.getuid()}")
        _use_for_temporary_files(str(folder))
        try:
            yield folder
        finally:
            _use_for_temporary_files(before)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)
    finally:
        os.umask(umask)


def _make_folder(root: Path) -> tuple[Path, int]:
    """Return a new folder in ``root``, and the descriptor whose lock says that its process lives."""
    try:
        root.mkdir(mode=0o700, exist_ok=True)
        _require_own(root)
        root_descriptor = _open(root)
        try:
            _lock(root_descriptor, wait=True)  # a new folder is locked before another process finds it
            _remove_dead(root)
            folder = root / secrets.token_hex(16)
            folder.mkdir(mode=0o700)
            descriptor = _open(folder)
            _lock(descriptor)
            return folder, descriptor
        finally:
            os.close(root_descriptor)
    except OSError as error:
        raise StorageError(f"{root}: cannot be used for temporary files ({error.strerror}): set TMPDIR") from error


def _require_own(root: Path) -> None:
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & _PRIVATE:
        raise StorageError(
            f"{root}: is no folder of this user alone, which temporary files need: remove it, or set TMPDIR"
        )


def _remove_dead(root: Path) -> None:
    for folder in root.iterdir():
        try:
            descriptor = _open(folder)
        except OSError:  # no folder
            continue
        if _lock(descriptor):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _lock(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open folder; False where its process lives, or on a file system without locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _use_for_temporary_files(folder: str | None) -> None:
    if folder is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = folder
    tempfile.tempdir = None  # asked for anew
