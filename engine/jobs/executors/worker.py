"""A worker process: reads (function, item) from standard input and writes the outcome to standard output.

None for the function stands for the one sent before.

The process is a fresh interpreter rather than one of multiprocessing: that needs no guard in the user's script, takes
its thread limits from its environment before numba loads, and tells exactly which item a dead process had. Both ends
of the pipe are this program, so pickle is safe here.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from typing import Any


def main() -> None:
    """Serve until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers itself
    requests = sys.stdin.buffer
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the prints of libraries must not mix with the replies
    function: Any = None
    while True:
        try:
            sent, item = pickle.load(requests)  # noqa: S301 - written by our own parent process
        except EOFError:
            return
        function = function if sent is None else sent
        try:
            reply = (True, function(item))
        except Exception:
            reply = (False, traceback.format_exc())
        try:
            pickle.dump(reply, replies)
            replies.flush()
        except BrokenPipeError:
            os._exit(1)  # the parent was killed; a trace would only confuse


if __name__ == "__main__":
    main()
