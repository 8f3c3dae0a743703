"""First come, first served: requests of one session are carried out in the order in which they reached the server.

A request takes its ticket as soon as its headers are there, before anything is awaited: its body, the audit log. Its
work begins when the work of all earlier tickets of the session has ended.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Hashable
from contextvars import ContextVar
from typing import TypeVar
from urllib.parse import parse_qs
from weakref import WeakValueDictionary

from starlette.types import ASGIApp, Receive, Scope, Send

from maskwright.engine.service.budget.request_context import current_request
from maskwright.errors import GoneError

_TICKET: ContextVar[Ticket | None] = ContextVar("ticket", default=None)
_PAGE_SESSION = re.compile(r"/api/v1/sessions/([^/]+)/.+")

GONE = "the client has gone before its work began; nothing was done"

R = TypeVar("R")


class Ticket:
    """A turn in the queue of a session, which ``key`` names. It must be made in the event loop."""

    def __init__(self, key: Hashable, lock: asyncio.Lock) -> None:
        self.key, self._lock = key, lock
        self._turn = asyncio.ensure_future(lock.acquire())
        self._is_given_up = self.is_used = False
        """``is_used``: its work has begun, or waits to begin."""

    async def run(self, work: Callable[[], Awaitable[R]]) -> R:
        """Return the result of some work when its turn has come.

        Cancelling a request does not stop work that runs: the next turn comes when the work has ended.

        Raises
        ------
        GoneError
            The ticket was given up, or the client went before its turn came.
        """
        if self._is_given_up:
            raise GoneError(GONE)
        self.is_used = True
        request = current_request()
        if request is not None:
            request.on_leave.append(self._turn.cancel)  # a client that goes leaves the queue
        try:
            await self._turn
        except asyncio.CancelledError:
            if not self._turn.cancelled():  # the turn came at the same moment
                self._lock.release()
            elif request is not None and request.gone:
                raise GoneError(GONE) from None
            raise
        task = asyncio.ensure_future(work())
        task.add_done_callback(lambda _: self._lock.release())
        return await asyncio.shield(task)

    def give_up(self) -> None:
        """Leave the queue; work that has begun, or waits to begin, keeps its turn."""
        if self.is_used or self._is_given_up:
            return
        self._is_given_up = True
        if not self._turn.cancel():
            self._lock.release()


class SessionQueues:
    """A queue of requests for each session; those of other sessions do not wait for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def join(self, key: Hashable) -> Ticket:
        """Return a ticket at the end of a queue."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return Ticket(key, lock)

    def ticket(self, key: Hashable) -> Ticket:
        """Return the ticket that the request took when it arrived; where it took none for this key, join the queue."""
        ticket = _TICKET.get()
        return self.join(key) if ticket is None or ticket.key != key or ticket.is_used else ticket


class ArrivalMiddleware:
    """The outermost layer of an app: each request of a session takes its ticket here."""

    def __init__(self, app: ASGIApp, queues: SessionQueues) -> None:
        self._app, self._queues = app, queues

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its ticket; one that is answered before its work waits gives the ticket up."""
        key = queue_key(scope) if scope["type"] == "http" else None
        if key is None:
            await self._app(scope, receive, send)
            return
        ticket = self._queues.join(key)
        context = _TICKET.set(ticket)
        try:
            await self._app(scope, receive, send)
        finally:
            _TICKET.reset(context)
            ticket.give_up()


def queue_key(scope: Scope) -> Hashable:
    """Return the name of the queue of a request, None where its order does not matter.

    It is the token of the session. MONAI Label names its session in the body: such requests queue to have their
    bodies read, by client and image, and then by session.
    """
    headers = dict(scope["headers"])
    if b"x-lease-token" in headers:
        return str(headers[b"x-lease-token"], "latin-1")
    page_session = _PAGE_SESSION.fullmatch(scope["path"])
    if page_session is not None:
        return str(page_session[1])
    if scope["path"].startswith("/infer/"):
        return infer_key(scope)
    return None


def infer_key(scope: Scope) -> Hashable:
    """Return the queue of a MONAI Label request, None where it brings its image along."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    image, session = (query.get(name, [""])[0] for name in ("image", "session_id"))
    if not image and not session:
        return None
    host = scope["client"][0] if scope.get("client") else ""
    return host, dict(scope["headers"]).get(b"authorization", b""), image, session
