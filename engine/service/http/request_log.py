"""The server's log: one JSON line a request on standard error. It names no image, no file and no secret.

Lines are written by a thread of their own, so that nobody who does not read them holds the server up; where they pile
up some are dropped, and the next one says how many.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from starlette.types import Scope

LOG = logging.getLogger("maskwright.service")
MOST_WAITING = 10_000
"""Lines."""
END_S = 2.0
"""How long the last lines are waited for."""
_CLIENTS_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_SAID_BY = ("maskwright", "uvicorn")
"""Whose messages hold no data. What other libraries say may, so only that they said something is written."""

Field = str | int | float | list[str] | None


def log_request(scope: Scope, level: int, **fields: Field) -> None:
    """Write down an answer."""
    if LOG.isEnabledFor(level):
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        if _CLIENTS_ID.fullmatch(given):
            fields["client_request_id"] = given
        LOG.log(level, "request", extra={"fields": fields})


def log_failure(error: BaseException, scope: Scope) -> None:
    """Write down an error that nobody expected, under the id of its request."""
    fields = {"request_id": scope.get("state", {}).get("request_id", "")}
    LOG.error("failed", exc_info=error, extra={"fields": fields})


def route_of(scope: Scope, action: str) -> str:
    """Return the pattern of the route that answered, or the action where none did: never an id."""
    return str(getattr(scope.get("route"), "path_format", None) or action)


class JsonLine(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of an exception its type, and where in our code it came from."""
        known = record.name.split(".")[0] in _SAID_BY
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Field] = {"time": time, "level": record.levelname.lower(), "logger": record.name}
        line["event"] = str(record.msg).strip() if known else "a message of a library"
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["trace"] = _our_lines(record.exc_info[2])
        return json.dumps(line)


class WrittenAside(logging.Handler):
    """A handler that never waits for who reads."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream, self._dropped = stream, 0
        self._lines: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put a line into the queue."""
        try:
            if self._dropped:
                record.fields = {**getattr(record, "fields", {}), "dropped_before": self._dropped}
            self._lines.put_nowait(self.format(record))
            self._dropped = 0
        except queue.Full:
            self._dropped += 1

    def end(self) -> None:
        """Write what waits, for as long as somebody reads it."""
        try:
            self._lines.put(None, timeout=END_S)
        except queue.Full:
            return
        self._thread.join(END_S)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._stream.write(line + "\n")
                if self._lines.empty():
                    self._stream.flush()
            except (OSError, ValueError):  # nobody is there to read it any more
                continue


@contextmanager
def logging_to(stream: TextIO | None = None) -> Iterator[None]:
    """Write the log to a stream, standard error if None."""
    handler, root = WrittenAside(stream or sys.stderr), logging.getLogger()
    handler.setFormatter(JsonLine())
    LOG.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.end()


def _our_lines(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.split(".")[0] == "maskwright":
            found.append(f"{module}:{trace.tb_lineno} {trace.tb_frame.f_code.co_name}")
        trace = trace.tb_next
    return found
