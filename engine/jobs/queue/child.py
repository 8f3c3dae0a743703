"""The process of a run as its server sees it: start, listen, and end with every process it has started."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from maskwright.engine.jobs.job import Job


class Child:
    """A process that leads a process group; leaving the ``with`` block kills the group and waits for the process.

    ``kill`` may be called from any thread, also when the process has ended: its number is never used afterwards,
    since it may belong to another process by then.
    """

    def __init__(self, job: Job[Any, Any], folder: Path) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "maskwright.engine.jobs.queue.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.kill()
        self.end()

    def updates(self) -> Iterator[dict[str, Any]]:
        """Send the job, and yield changed fields of the ``RunRecord`` until the process ends.

        Raises
        ------
        ValueError
            A line is not JSON. A last line without an end is ignored: the process was killed while it wrote.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended; the status says how
            self._process.stdin.write(pickle.dumps(self._job))
            self._process.stdin.flush()
        for line in self._process.stdout:
            if line.endswith(b"\n"):
                yield json.loads(line)

    def kill(self) -> None:
        """Kill the process and its group; they end soon after."""
        with self._lock:
            self._kill_group()

    def end(self) -> int:
        """Wait until the process has ended, kill the rest of its group, and return its status, below 0 for a signal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # its life line
        self._process.stdout.close()
        if self._process.returncode is None:
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            self._kill_group()  # before the process is reaped and its number is free
            return self._process.wait()

    def _kill_group(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
