"""One request while it is answered: whether its client is still there, and the memory that it takes."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from dataclasses import dataclass, field

from maskwright.engine.service.limits import DEFAULTS, Limits
from maskwright.engine.service.memory import Holding, Memory
from maskwright.errors import GoneError

_VISIT: ContextVar[Visit | None] = ContextVar("visit", default=None)


@dataclass(eq=False)
class Visit:
    """``gone`` says that the client does not wait for the answer any more.

    Bodies and arrays that are there only for this request are noted with ``take`` before they are.
    """

    limits: Limits
    memory: Memory
    gone: bool = False
    _holding: Holding = field(default_factory=lambda: Holding("request"))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size_bytes: int) -> None:
        """Note that so many bytes more are taken.

        Raises
        ------
        CapacityError
            There is no room for them.
        """
        with self._lock:
            self.memory.hold(self._holding, self._holding.own_bytes + size_bytes)

    def give_back(self, size_bytes: int) -> None:
        """Note that so many bytes are taken no longer."""
        with self._lock:
            self.memory.hold(self._holding, max(0, self._holding.own_bytes - size_bytes))

    def end(self) -> None:
        """Note that nothing is taken any more."""
        with self._lock:
            self.memory.release(self._holding)


def visit_now() -> Visit | None:
    """Return the request that this thread or task works for, None for none."""
    return _VISIT.get()


def limits_now() -> Limits:
    """Return the limits of the server that this thread or task works for."""
    visit = _VISIT.get()
    return DEFAULTS if visit is None else visit.limits


def begin_visit(visit: Visit | None) -> None:
    """Let this task, and what it starts, work for a request, or for none."""
    _VISIT.set(visit)


def require_present() -> None:
    """Begin nothing for a client that has gone.

    Raises
    ------
    GoneError
        It has gone: nobody will read this.
    """
    visit = _VISIT.get()
    if visit is not None and visit.gone:
        raise GoneError("the client has gone before its work began; nothing was done")
