"""Keep the log records and warnings that our readers cause in libraries: they quote values that can name a patient.

Nothing of the process is switched while a file is read, since other threads log and warn meanwhile. A gate for each
kind of message is put up once, when this module is imported; it asks a context variable whether the message comes
from a reader, and lets every other message pass as if it was not there.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_LIBRARIES = (
    *("pydicom", "highdicom", "pylibjpeg", "openjpeg", "jpeg_ls"),
    *("tifffile", "imagecodecs", "PIL", "zarr", "numcodecs", "nibabel", "nrrd"),
)
_MESSAGES: ContextVar[list[str] | None] = ContextVar("messages", default=None)


@contextmanager
def quiet_libraries() -> Iterator[list[str]]:
    """Yield the messages that libraries log in this thread; the log and the warnings of the process get none of them.

    Threads that a library starts with this thread's context (zarr's) are quiet, too.
    """
    messages: list[str] = []
    token = _MESSAGES.set(messages)
    try:
        yield messages
    finally:
        _MESSAGES.reset(token)


class _LogGate(logging.Handler):
    """Gives a library's records to the reader that they come from, or to the handlers of the root logger."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Pass one record on."""
        messages = _MESSAGES.get()
        if messages is None:
            logging.getLogger().callHandlers(record)
        else:
            messages.append(str(record.msg))
        return True


class _FromReader:
    """A message pattern of the warning filters, which matches everything that a reader causes and nothing else."""

    def match(self, text: str) -> bool:
        """Tell whether a reader runs in this thread."""
        return _MESSAGES.get() is not None


def _gate_logs() -> None:
    """Put a logger between those of the libraries and the root; their own levels and handlers stay as they are."""
    gate = logging.Logger("maskwright.io.gate")
    gate.parent, gate.propagate = logging.getLogger(), False
    gate.addHandler(_LogGate())
    for name in _LIBRARIES:
        logging.getLogger(name).parent = gate


def _gate_warnings() -> None:
    """Ignore the warnings that readers cause, also where somebody records all warnings (``pytest``, ``-W always``)."""
    from_reader: Any = ("ignore", _FromReader(), Warning, None, 0)
    warnings.filters.insert(0, from_reader)  # type: ignore[attr-defined]
    show: Any = warnings._showwarnmsg  # type: ignore[attr-defined]

    def show_of_others(message: Any) -> None:
        if _MESSAGES.get() is None:
            show(message)

    warnings._showwarnmsg = show_of_others  # type: ignore[attr-defined]


_gate_logs()
_gate_warnings()
