"""The server's log: one JSON line a request on standard error. It names no image, no file and no secret.

Records pass through the standard library's queue: its listener writes them in a thread of its own, so that a reader who
does not read holds nothing up. Where they pile up some are dropped, and the next line says how many.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from types import TracebackType
from typing import TextIO

from starlette.types import Scope

LOG = logging.getLogger("maskwright.service")
MOST_WAITING = 10_000
"""Lines."""
END_S = 2.0
"""How long the last lines are waited for."""
_CLIENTS_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_WITHOUT_DATA = ("maskwright", "uvicorn")
"""Loggers whose messages hold no data. Those of other libraries may: of them only the logger's name is written."""

Field = str | int | float | list[str] | None


def log_request(scope: Scope, level: int, **fields: Field) -> None:
    """Log an answer."""
    if LOG.isEnabledFor(level):
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        if _CLIENTS_ID.fullmatch(given):
            fields["client_request_id"] = given
        LOG.log(level, "request", extra={"fields": fields})


def log_failure(error: BaseException, scope: Scope) -> None:
    """Log an unexpected error, under the id of its request."""
    fields = {"request_id": scope.get("state", {}).get("request_id", "")}
    LOG.error("failed", exc_info=error, extra={"fields": fields})


def route_of(scope: Scope, action: str) -> str:
    """Return the pattern of the route that answered, or the action where none did: never an id."""
    return str(getattr(scope.get("route"), "path_format", None) or action)


class JsonLine(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of an exception its type and our lines that it passed."""
        known = record.name.split(".")[0] in _WITHOUT_DATA
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Field] = {"time": time, "level": record.levelname.lower(), "logger": record.name}
        line["event"] = str(record.msg).strip() if known else "a message of a library"
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["trace"] = _our_lines(record.exc_info[2])
        return json.dumps(line)


class DroppingQueueHandler(QueueHandler):
    """A queue handler that drops records where the queue is full, and counts them."""

    _dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Format a record now: its arguments may change before it is written."""
        if self._dropped:
            record.fields = {**getattr(record, "fields", {}), "dropped_before": self._dropped}
        return logging.makeLogRecord({"msg": self.format(record), "levelno": record.levelno})

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put a record into the queue, or drop it."""
        try:
            self.queue.put_nowait(record)
            self._dropped = 0
        except queue.Full:
            self._dropped += 1


class _LastStream(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Go on: nobody is there to read the log any more."""


@contextmanager
def logging_to(stream: TextIO | None = None) -> Iterator[None]:
    """Write the log to a stream, standard error if None."""
    lines: queue.Queue[logging.LogRecord] = queue.Queue(MOST_WAITING)
    handler, root = DroppingQueueHandler(lines), logging.getLogger()
    handler.setFormatter(JsonLine())
    listener = QueueListener(lines, _LastStream(stream or sys.stderr))
    LOG.setLevel(logging.INFO)
    root.addHandler(handler)
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        with lines.all_tasks_done:
            is_written = lines.all_tasks_done.wait_for(lambda: not lines.unfinished_tasks, END_S)
        if is_written:  # else its thread, a daemon, waits for the reader of the stream
            listener.stop()


def _our_lines(trace: TracebackType | None) -> list[str]:
    lines = []
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.split(".")[0] == "maskwright":
            lines.append(f"{module}:{trace.tb_lineno} {trace.tb_frame.f_code.co_name}")
        trace = trace.tb_next
    return lines
