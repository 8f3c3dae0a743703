"""A hold on a data folder, which tells whether another process serves it too."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


class FolderLock:
    """Held until closed, or until the process dies.

    ``alone`` tells whether nobody else held the folder when this hold began: only then may the leftovers of a dead
    process be cleared away, since another one's unfinished work looks the same.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.alone = True
        except BlockingIOError:
            self.alone = False
        except OSError:  # a file system without locks
            self.alone = True

    def share(self) -> None:
        """Let others hold the folder too."""
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
