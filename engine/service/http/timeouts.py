"""The layer below authorization: the time that a request may take, its body as it arrives, its answer as it is sent.

A request that takes too long is answered with 504 and one that stops to arrive with 408. Computing cannot be broken
off: work that was begun is finished, its session stays busy until then, and its result is dropped. Work that was not
begun when the client went is not done; the answer to a client that has gone is 499, for the log.

Bytes of a body are reserved as they come and those of an answer until they are sent: an answer is handed on piece by
piece, each when the one before has left, and ``connection`` ends connections whose client does not read.
"""

from __future__ import annotations

import asyncio
import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.budget.limits import Limits
from maskwright.engine.service.budget.request_context import RequestContext, set_current_request
from maskwright.engine.service.http.bodies import JSON_BYTES
from maskwright.engine.service.http.problems import CLIENT_GONE, FAILED, problem, problem_of
from maskwright.engine.service.http.request_log import log_failure
from maskwright.engine.service.http.routes import OPEN, Rule
from maskwright.errors import CapacityError, LimitError

SLOWEST_BYTES = 1024
"""Of a body that keeps arriving, in ``stall_s``."""
PIECE_BYTES = 1 << 18
"""The most of an answer that waits in the connection; it must have left after ``stall_s``."""
ROOM_PAUSE_S = 0.05
_CLOSE = (b"connection", b"close")


class TimeoutMiddleware:
    """Bounds the time and the bytes of requests and answers."""

    def __init__(self, app: ASGIApp, limits: Limits, budget: Budget) -> None:
        self._app, self._limits, self._budget = app, limits, budget
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say that this takes too long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, request = time.monotonic(), RequestContext(self._limits, self._budget)
        rule = scope.get("state", {}).get("rule") or Rule(OPEN)
        answer = _Answer(send, request)
        limit_bytes = self._limits.body_bytes if rule.large else JSON_BYTES
        arriving = _Arriving(receive, request, answer, dict(scope["headers"]), limit_bytes)
        if arriving.is_empty:
            await arriving.begin()
        task = asyncio.create_task(self._answer(scope, arriving, answer, request))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        while not task.done():
            left = None
            if not rule.untimed and not answer.started:
                left = self._limits.request_s - (time.monotonic() - start - arriving.waited_s)
                if left <= 0:
                    answer.closed = True
                    request.leave()
                    break
            await asyncio.wait([task], timeout=left)
        if task.done():
            task.result()
        if not answer.started:
            await self._refuse(scope, receive, send, arriving, answer)

    async def _answer(self, scope: Scope, arriving: _Arriving, answer: _Answer, request: RequestContext) -> None:
        set_current_request(request)
        try:
            await self._app(scope, arriving.receive, answer.send)
        except ClientDisconnect:
            pass  # the client has gone, or its body stalled
        except Exception as error:
            log_failure(error, scope)
            if answer.started and not answer.whole:
                raise  # so that the connection is closed
        finally:
            arriving.end()
            request.end()

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, arriving: _Arriving, answer: _Answer) -> None:
        """Answer in place of the app, which did not."""
        if answer.no_room is not None:
            response = problem_of(answer.no_room)
        elif arriving.stalled:
            response = problem(
                408, f"nothing came for {self._limits.stall_s:g} s; send the request again, without a pause"
            )
            response.raw_headers.append(_CLOSE)
        elif arriving.broken_off:
            response = problem(CLIENT_GONE, "the client has gone")
        elif arriving.request.gone:
            detail = f"this took longer than {self._limits.request_s:g} s; ask for less, or again when less is asked"
            response = problem(504, detail)
        else:
            response = problem(500, FAILED)
        await response(scope, receive, send)


class _Answer:
    """The answer of the app, unless the client was answered without it. Its head waits for the first of its body."""

    def __init__(self, send: Send, request: RequestContext) -> None:
        self._send, self._request = send, request
        self._head: Message | None = None
        self.started = self.whole = self.closed = False
        self.no_room: CapacityError | None = None

    async def send(self, message: Message) -> None:
        """Pass a message on; return when all but its last piece has left."""
        if self.closed:
            return
        if message["type"] == "http.response.start":
            self._head = {**message, "status": CLIENT_GONE} if self._request.gone else message
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        try:
            await self._reserve(len(body))
        except CapacityError as error:
            self.closed, self.no_room = True, error
            if self.started:
                raise  # so that the connection is closed
            return
        if self._head is not None:
            head, self._head, self.started = self._head, None, True
            await self._send(head)
        self.whole = not more
        for start in range(0, max(1, len(body)), PIECE_BYTES):
            end = start + PIECE_BYTES
            piece = {"type": message["type"], "body": body[start:end], "more_body": more or end < len(body)}
            await self._send(piece)
        self._request.release(len(body))

    async def _reserve(self, size_bytes: int) -> None:
        """Reserve bytes that are not reserved yet; an answer that has begun waits for room as for its reader."""
        request, end = self._request, time.monotonic() + self._request.limits.stall_s
        ready = min(size_bytes, request.answer_bytes)
        request.answer_bytes -= ready
        while True:
            try:
                request.reserve(size_bytes - ready)
                return
            except CapacityError:
                if not self.started or time.monotonic() > end:
                    raise
                await asyncio.sleep(ROOM_PAUSE_S)


class _Arriving:
    """The body as it comes from the client, and that the client has gone."""

    def __init__(
        self,
        receive: Receive,
        request: RequestContext,
        answer: _Answer,
        headers: dict[bytes, bytes],
        limit_bytes: int,
    ) -> None:
        self._receive, self._answer, self.request = receive, answer, request
        self.stalled = self.broken_off = False
        self._declared, self._limit_bytes, self._size = int(headers.get(b"content-length", 0)), limit_bytes, 0
        self.is_empty = not self._declared and b"transfer-encoding" not in headers
        self._left_s, self._came = request.limits.stall_s, 0
        self._waited_s, self._since = 0.0, 0.0
        self._first: Message | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def waited_s(self) -> float:
        """How long the body was waited for until now."""
        return self._waited_s + (time.monotonic() - self._since if self._since else 0.0)

    async def begin(self) -> None:
        """Listen at once whether the client goes, where there is no body to come."""
        self._first = await self._receive()
        self._note(self._first)

    async def receive(self) -> Message:
        """Return the next part of the body, or that the client has gone.

        Raises
        ------
        LimitError
            The body is larger than it may be; it is refused before that much has come.
        CapacityError
            There is no memory for this part.
        """
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
        size = len(message.get("body", b""))
        self._came += size
        if self._came >= SLOWEST_BYTES:
            self._left_s, self._came = self.request.limits.stall_s, 0
        if not message.get("more_body", False):
            self._listening = asyncio.create_task(self._listen())
        self._size += size
        if max(self._size, self._declared) > self._limit_bytes:
            most = self._limit_bytes
            raise LimitError(f"the request is larger than {most} bytes; send less, or raise the server's limit")
        self.request.reserve(size)

    async def _listen(self) -> None:
        await self._receive()
        if not self._answer.whole:
            self.broken_off = True
            self.request.leave()
