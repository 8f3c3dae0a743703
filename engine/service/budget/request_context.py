"""One request while it is answered: whether its client is still there, and the memory that it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.budget.limits import DEFAULTS, Limits
from maskwright.errors import GoneError

_VISIT: ContextVar[RequestContext | None] = ContextVar("request", default=None)


@dataclass(eq=False)
class RequestContext:
    """``gone`` says that the client does not wait for the answer any more; ``on_leave`` is called when it goes.

    Bodies and arrays that are there only for this request are noted with ``reserve`` before they are.
    """

    limits: Limits
    memory: Budget
    gone: bool = False
    on_leave: list[Callable[[], object]] = field(default_factory=list)
    _reservation: Reservation = field(default_factory=lambda: Reservation("request"))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def leave(self) -> None:
        """Note that the client has gone. It must be called in the event loop."""
        self.gone = True
        for call in self.on_leave:
            call()

    def reserve(self, size_bytes: int) -> None:
        """Note that so many bytes more are taken.

        Raises
        ------
        CapacityError
            There is no room for them.
        """
        with self._lock:
            self.memory.reserve(self._reservation, self._reservation.own_bytes + size_bytes)

    def release(self, size_bytes: int) -> None:
        """Note that so many bytes are taken no longer."""
        with self._lock:
            self.memory.reserve(self._reservation, max(0, self._reservation.own_bytes - size_bytes))

    def end(self) -> None:
        """Note that nothing is taken any more."""
        with self._lock:
            self.memory.release(self._reservation)


def current_request() -> RequestContext | None:
    """Return the request that this thread or task works for, None for none."""
    return _VISIT.get()


def current_limits() -> Limits:
    """Return the limits of the server that this thread or task works for."""
    request = _VISIT.get()
    return DEFAULTS if request is None else request.limits


def set_current_request(request: RequestContext | None) -> None:
    """Let this task, and what it starts, work for a request, or for none."""
    _VISIT.set(request)


def require_present() -> None:
    """Begin nothing for a client that has gone.

    Raises
    ------
    GoneError
        It has gone: nobody will read this.
    """
    request = _VISIT.get()
    if request is not None and request.gone:
        raise GoneError("the client has gone before its work began; nothing was done")
