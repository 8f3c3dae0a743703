"""The process of one run: ``python -m maskwright.engine.service.qa_runs.process FOLDER MANIFEST ASKED``.

It is a fresh interpreter: the server's process has used OpenMP, which does not outlive a fork. Each line of its output
is JSON: how far it is, or what went wrong. Its standard input is a life line: when the server's end is closed, however
the server ended, the whole process group ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from maskwright.engine.qa.run import qa
from maskwright.engine.service.qa_runs.redact import unplace_file, unplaced
from maskwright.engine.service.qa_runs.request import Asked
from maskwright.errors import reason_of

NICENESS = 10
"""Who waits for a mask goes first."""

_REPLIES = os.fdopen(os.dup(1), "w", encoding="utf-8")


def main() -> int:
    """Run, and return 0 (done) or 2 (it could not be run)."""
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    os.nice(NICENESS)
    os.dup2(2, 1)  # what a library prints must not end up among the replies
    folder, manifest, asked = Path(sys.argv[1]), sys.argv[2], Asked(**json.loads(sys.argv[3]))
    try:
        result = qa(
            folder / manifest,
            folder,
            tolerance_mm=asked.tolerance_mm,
            convention=asked.convention,
            empty=asked.empty,
            preset=asked.preset,
            on_progress=lambda r: _say({"done": r.done, "total": r.total, "failed": r.failed}),
        )
        for path in (result.paths.results_csv, result.paths.report_html):
            unplace_file(path, folder)
    except Exception as error:  # whoever asked is told in one line
        _say({"detail": unplaced(reason_of(error), folder)})
        return 2
    return 0


def _say(words: dict[str, int] | dict[str, str]) -> None:
    print(json.dumps(words), file=_REPLIES, flush=True)


def _end_with_the_server() -> None:
    while os.read(0, 1):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
