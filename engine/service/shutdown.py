"""The end of the process: work that nobody waits for any more does not hold it up."""

from __future__ import annotations

import os
import sys
import threading
import time

from maskwright.engine.service.http.workers import take_no_more

LAST_S = 0.5
"""How long threads are waited for that have nothing to do but to end."""


def leave() -> None:
    """Return if all threads have ended, else end the process with status 0.

    Computing cannot be broken off, and Python waits for its threads. Everything that is kept was closed before.
    """
    take_no_more()
    deadline = time.monotonic() + LAST_S
    for thread in threading.enumerate():
        if (
            thread is not threading.main_thread()
            and not thread.daemon
            and thread.name.startswith(("computing", "AnyIO"))
        ):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
