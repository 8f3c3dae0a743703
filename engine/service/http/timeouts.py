"""The layer below the guard: how long a request may take, and whether its client still waits for the answer.

A request that takes too long is answered with 504 and one that stops to arrive with 408. Computing cannot be broken
off: what was begun is finished, its session stays busy until then, and nobody is told what it came to. What was not
begun when the client went, or was told so, is not done; the answer to a client that has gone is 499, for the log.
"""

from __future__ import annotations

import asyncio
import re
import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.budget.limits import Limits
from maskwright.engine.service.budget.request_context import RequestContext, set_current_request
from maskwright.engine.service.http.problems import problem
from maskwright.engine.service.http.request_log import log_failure

UNHURRIED = re.compile(r"/api/v1/qa/[^/]+/(?:events|report|results)")
"""Answers that may take as long as they do."""
SLOWEST_BYTES = 1024
"""Of a body that keeps arriving, in the time in which something must come."""
GONE = 499
_CLOSE = (b"connection", b"close")


class TimeoutMiddleware:
    """Bounds the time of what an app does."""

    def __init__(self, app: ASGIApp, limits: Limits, memory: Budget) -> None:
        self._app, self._limits, self._memory = app, limits, memory
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say that this takes too long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, request = time.monotonic(), RequestContext(self._limits, self._memory)
        answer = _Answer(send, request)
        arriving = _Arriving(receive, request, answer)
        await arriving.begin(scope)
        task = asyncio.create_task(self._answer(scope, arriving, answer, request))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        hurried = not UNHURRIED.fullmatch(scope["path"])
        while not task.done():
            left = None
            if hurried and not answer.started:
                left = self._limits.request_s - (time.monotonic() - start - arriving.waited_s)
                if left <= 0:
                    answer.closed = True
                    request.leave()
                    break
            await asyncio.wait([task], timeout=left)
        if task.done():
            task.result()
        if not answer.started:
            await self._refuse(scope, receive, send, arriving)

    async def _answer(self, scope: Scope, arriving: _Arriving, answer: _Answer, request: RequestContext) -> None:
        set_current_request(request)
        try:
            await self._app(scope, arriving.receive, answer.send)
        except ClientDisconnect:
            pass  # the client went, or was told to when it stopped
        except Exception as error:
            log_failure(error, scope)
            if answer.started and not answer.whole:
                raise  # so that the connection is closed
        finally:
            arriving.end()
            request.end()

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, arriving: _Arriving) -> None:
        """Answer in place of the app, which did not."""
        if arriving.stalled:
            detail = f"nothing came for {self._limits.stall_s:g} s; send the request again, without a pause"
            found = problem(408, "Stopped arriving", detail)
        elif arriving.broken_off:
            found = problem(GONE, "Gone", "the client has gone")
        elif arriving.request.gone:
            detail = f"this took longer than {self._limits.request_s:g} s; ask for less, or again when less is asked"
            found = problem(504, "Took too long", detail)
        else:
            found = problem(500, "Failed", "the server failed at this; its log says where, under this X-Request-Id")

        async def closing(message: Message) -> None:
            if arriving.stalled and message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], _CLOSE]}
            await send(message)

        await found(scope, receive, closing)


class _Answer:
    """What the app sends, unless the client was answered without it."""

    def __init__(self, send: Send, request: RequestContext) -> None:
        self._send, self._visit = send, request
        self.started = self.whole = self.closed = False

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if self.closed:
            return
        if message["type"] == "http.response.start":
            self.started = True
            if self._visit.gone:
                message = {**message, "status": GONE}
        elif not message.get("more_body", False):
            self.whole = True
        await self._send(message)


class _Arriving:
    """What comes from the client: the body, and that it has gone."""

    def __init__(self, receive: Receive, request: RequestContext, answer: _Answer) -> None:
        self._receive, self._answer, self.request = receive, answer, request
        self.stalled = self.broken_off = False
        self._left_s, self._came = request.limits.stall_s, 0
        self._waited_s, self._since = 0.0, 0.0
        self._first: Message | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def waited_s(self) -> float:
        """How long the body was waited for until now."""
        return self._waited_s + (time.monotonic() - self._since if self._since else 0.0)

    async def begin(self, scope: Scope) -> None:
        """Listen at once whether the client goes where there is no body to come."""
        headers = dict(scope["headers"])
        if b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0":
            self._first = await self._receive()
            self._note(self._first)

    async def receive(self) -> Message:
        """Return the next part of the body, or that the client has gone."""
        if self._first is not None:
            message, self._first = self._first, None
            return message
        if self._listening is not None:
            await asyncio.wait([self._listening])
            return {"type": "http.disconnect"}
        self._since = time.monotonic()
        try:
            async with asyncio.timeout(self._left_s):
                message = await self._receive()
        except TimeoutError:
            self.stalled = self._answer.closed = True
            return {"type": "http.disconnect"}
        finally:
            took_s, self._since = time.monotonic() - self._since, 0.0
            self._waited_s += took_s
            self._left_s -= took_s
        self._note(message)
        return message

    def end(self) -> None:
        """Listen no longer."""
        if self._listening is not None:
            self._listening.cancel()

    def _note(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self.broken_off = True
            self.request.leave()
            return
        self._came += len(message.get("body", b""))
        if self._came >= SLOWEST_BYTES:
            self._left_s, self._came = self.request.limits.stall_s, 0
        if not message.get("more_body", False):
            self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        await self._receive()
        if not self._answer.whole:
            self.broken_off = True
            self.request.leave()
