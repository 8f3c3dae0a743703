"""The process of a run as its server sees it: begun, listened to, and ended with all that it has started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from maskwright.engine.service.qa_runs.request import Asked


class Child:
    """A process that leads a group of its own; leaving the ``with`` ends the whole group and waits for the process.

    ``kill`` may be called from any thread, also when the process has gone: its number is never used after that, when
    it may be another's.
    """

    def __init__(self, place: Path, manifest: str, asked: Asked) -> None:
        command = [sys.executable, "-P", "-m", "maskwright.engine.service.qa_runs.process"]
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [*command, str(place), manifest, json.dumps(asdict(asked))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
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

    def said(self) -> Iterator[dict[str, Any]]:
        """Yield what the process says, until it ends; a last line that it could not finish is passed over.

        Raises
        ------
        ValueError
            A line is no JSON: it is another program.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):
                yield json.loads(line)

    def kill(self) -> None:
        """Kill the process and its group; they go soon after."""
        with self._lock:
            self._kill_held()

    def end(self) -> int:
        """Wait until the process has ended, end what it left behind, and return its status, below 0 for a signal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # its life line
        self._process.stdout.close()
        if self._process.returncode is None:
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            self._kill_held()  # while its number is still its own
            return self._process.wait()

    def _kill_held(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
