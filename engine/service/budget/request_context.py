"""One request while it is answered: whether its client is still there, and the memory that it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.budget.limits import DEFAULTS, Limits
from maskwright.errors import GoneError

_REQUEST: ContextVar[RequestContext | None] = ContextVar("request", default=None)


@dataclass(eq=False)
class RequestContext:
    """The limits and the budget of a request; ``gone`` once its client waits for the answer no longer.

    The functions of ``on_leave`` are called when it goes. ``answer_bytes`` are reserved for an answer that is not sent
    yet.
    """

    limits: Limits
    budget: Budget
    gone: bool = False
    on_leave: list[Callable[[], object]] = field(default_factory=list)
    answer_bytes: int = 0
    _reservation: Reservation = field(default_factory=lambda: Reservation("request"))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def leave(self) -> None:
        """Note that the client has gone. It must be called in the event loop."""
        self.gone = True
        for call in self.on_leave:
            call()

    def reserve(self, size_bytes: int) -> None:
        """Reserve so many bytes more, until they are released or the request ends.

        Raises
        ------
        CapacityError
            There is no room for them.
        """
        with self._lock:
            self.budget.reserve(self._reservation, self._reservation.own_bytes + size_bytes)

    def release(self, size_bytes: int) -> None:
        """Release so many of the reserved bytes."""
        with self._lock:
            self.budget.reserve(self._reservation, max(0, self._reservation.own_bytes - size_bytes))

    def end(self) -> None:
        """Release all."""
        with self._lock:
            self.budget.release(self._reservation)


def reserve_answer(size_bytes: int) -> None:
    """Reserve the bytes of an answer to the current request before they are made, until they are sent.

    Raises
    ------
    CapacityError
        There is no room for them.
    """
    request = _REQUEST.get()
    if request is not None:
        request.reserve(size_bytes)
        request.answer_bytes += size_bytes


@contextmanager
def reserve(size_bytes: int) -> Iterator[None]:
    """Reserve bytes for the current request inside a ``with`` block.

    Raises
    ------
    CapacityError
        There is no room for them.
    """
    request = _REQUEST.get()
    if request is None:
        yield
        return
    request.reserve(size_bytes)
    try:
        yield
    finally:
        request.release(size_bytes)


def current_request() -> RequestContext | None:
    """Return the request that this thread or task works for, None for none."""
    return _REQUEST.get()


def current_limits() -> Limits:
    """Return the limits of the server that this thread or task works for."""
    request = _REQUEST.get()
    return DEFAULTS if request is None else request.limits


def set_current_request(request: RequestContext | None) -> None:
    """Let this task, and the tasks it starts, work for a request, or for none."""
    _REQUEST.set(request)


def require_present() -> None:
    """Begin nothing for a client that has gone.

    Raises
    ------
    GoneError
        It has gone: nobody will read the answer.
    """
    request = _REQUEST.get()
    if request is not None and request.gone:
        raise GoneError("the client has gone before its work began; nothing was done")
