"""A lock on a folder among processes; the system ends it with the process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


def try_lock(descriptor: int) -> bool:
    """Lock an open file or folder without waiting; return False where another holder has it.

    On a file system without locks the answer is True.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


class FolderLock:
    """A lock on a folder until ``close``, the end of the block, or the end of the process.

    ``alone`` tells whether nobody else had locked the folder when this lock was taken. Only then may the leftovers of
    a dead process be removed, since the unfinished work of a live one looks the same.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.alone = try_lock(self._descriptor)

    def share(self) -> None:
        """Let other processes lock the folder too."""
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        """Release the lock. Closing twice does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
