"""The process of one run, started by ``child.Child`` in the folder of the run.

It is a fresh interpreter: the server's process has used OpenMP, which does not survive a fork. Its standard input
brings the pickled job and is then a life line: when the server's end is closed, however the server ended, the whole
process group ends. Each line of its output is JSON, changed fields of the ``RunRecord``.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
from pathlib import Path

from maskwright.engine.jobs.run import run_job
from maskwright.errors import reason_of

NICENESS = 10
"""Prompts of the server's users go first."""


def main() -> int:
    """Run the job; return 0 (done) or 2 (no results, with the reason in ``detail``)."""
    replies = os.dup(1)  # open until the process ends: the server takes its end for that of the process
    os.dup2(2, 1)  # the prints of libraries must not mix with the replies
    os.nice(NICENESS)
    os.umask(0o077)
    job = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by our own parent process
    threading.Thread(target=end_with_server, daemon=True).start()

    def send(line: str) -> None:
        os.write(replies, f"{line}\n".encode())

    try:
        run_job(job, Path(), on_progress=lambda record: send(record.to_line()))
    except Exception as error:
        send(json.dumps({"detail": reason_of(error)}))
        return 2
    return 0


def end_with_server() -> None:
    """Wait until standard input is closed, then end the process group."""
    while os.read(0, 1):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
