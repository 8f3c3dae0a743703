"""Requests end: too slow ones, stalled ones, and those whose client has gone. Real sockets, a real pool, a real log."""

import asyncio
import json
import socket
import sqlite3
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from fastapi import Request

from maskwright.engine.audit import AuditLog
from maskwright.engine.service.access import LOCAL, Policy
from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.budget.limits import Limits
from maskwright.engine.service.budget.request_context import current_request, reserve_answer
from maskwright.engine.service.http.authorization import Authorizer
from maskwright.engine.service.http.bodies import JSON_BYTES, read_body
from maskwright.engine.service.http.openapi import make_app
from maskwright.engine.service.http.routes import action
from maskwright.engine.service.http.timeouts import PIECE_BYTES, TimeoutMiddleware
from maskwright.engine.service.http.workers import in_thread, run_in_worker
from maskwright.engine.service.sessions.session import ServiceSession
from support.serving import make_leases, protected, served

LIMITS = Limits(request_s=0.4, stall_s=0.3, body_bytes=1000)
ME = ""


class Scene:
    """An app of slow acts on one session, guarded and bounded; ``open`` lets what is computed go on."""

    def __init__(self, folder):
        self.opened, self.done = threading.Event(), []
        self.memory = Budget(100_000)
        self.pool = make_leases(ServiceSession, self.memory)
        self.token = self.pool.claim(ME)
        self.path = folder / "audit.db"

    def app(self):
        app = make_app("test")

        @app.post("/predict")
        @action("prompt", large=True)
        async def slow(request: Request) -> dict[str, str]:
            name = (await read_body(request)).decode()

            def work(lease):
                self.done.append(f"{name} begun")
                assert self.opened.wait(20)
                self.done.append(name)
                return {"did": name}

            return await self.pool.work(self.token, ME, work)

        @app.post("/undo")
        @action("prompt")
        async def quick(request: Request) -> dict[str, list[str]]:
            return await run_in_worker(lambda: {"session": []})

        @app.post("/reset_interactions")
        @action("prompt")
        async def unread() -> dict[str, bool]:
            await self.pool.work(self.token, ME, lambda lease: self.done.append("reset"))
            return {"ok": True}

        @app.get("/info/")
        @action("read_image")
        async def waiting() -> dict[str, bool]:
            await in_thread(lambda: self.opened.wait(20))
            return {"ok": True}

        @app.get("/api/v1/qa/{run}/report")
        @action("compare", untimed=True)
        async def unhurried(run: str) -> dict[str, bool]:
            await in_thread(lambda: time.sleep(0.7))
            return {"ok": True}

        @app.get("/train/")
        @action("read_image")
        def broken() -> None:
            raise ValueError("Doe, Jane")

        return app

    @contextmanager
    def served(self, limits=LIMITS):
        with AuditLog(self.path) as log:
            authorizer = Authorizer(Policy.read(), None, LOCAL, None, log)
            app = protected(self.app(), authorizer, "nninteractive", limits, self.memory)
            with served(app) as address:
                try:
                    yield address
                finally:
                    self.opened.set()

    def statuses(self):
        with sqlite3.connect(self.path) as database:
            return [
                json.loads(row[0])["http_status"]
                for row in database.execute("select details from events where outcome != 'begun'")
            ]


@pytest.fixture
def scene(tmp_path):
    asyncio.run(run_in_worker(int))  # its thread imports Numba first, which may take longer than a request may
    return Scene(tmp_path)


def until(true, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def raw(address, text):
    """A connection on which something was sent."""
    host, port = address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.sendall(text)
    return connection


def posted(address, path, body, more=b""):
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body) + len(more)}\r\n\r\n"
    return raw(address, head.encode() + body)


def test_a_slow_request_is_answered_504_and_keeps_its_session_busy(scene):
    with scene.served() as address:
        start = time.monotonic()
        found = httpx.post(f"{address}/predict", content=b"first")
        assert 0.35 < time.monotonic() - start < 3
        assert (found.status_code, found.json()["title"]) == (504, "Gateway timeout")
        assert found.headers["content-type"] == "application/problem+json"
        # others are served, and what waits for the busy session takes no thread from them; it is not done later
        waits = [posted(address, "/predict", b"late") for _ in range(6)]
        for _ in range(5):
            assert httpx.post(f"{address}/undo").status_code == 200
        until(lambda: scene.statuses().count(504) == 7)
        assert scene.done == ["first begun"]
        assert scene.pool.count == 1
        scene.opened.set()
        until(lambda: "first" in scene.done)
        assert httpx.post(f"{address}/predict", content=b"next").json() == {"did": "next"}
        assert scene.done == ["first begun", "first", "next begun", "next"]
        for wait in waits:
            wait.close()
    until(lambda: scene.memory.used_bytes == 0)


def test_waiting_work_is_bounded_in_time_and_reports_are_not(scene):
    with scene.served() as address:
        assert httpx.get(f"{address}/info/").status_code == 504
        assert httpx.get(f"{address}/api/v1/qa/x/report").status_code == 200


def test_a_stalled_body_is_refused_and_a_slow_one_is_not(scene):
    scene.opened.set()
    with scene.served() as address:
        stalled = posted(address, "/predict", b"a" * 10, b"never")
        answer = b"".join(iter(lambda: stalled.recv(10_000), b""))  # until the connection is closed
        assert b" 408 " in answer
        assert b"application/problem+json" in answer

        def dribble():
            for _ in range(20):
                time.sleep(0.05)
                yield b"b"

        start = time.monotonic()
        assert httpx.post(f"{address}/predict", content=dribble()).status_code == 408
        assert time.monotonic() - start < 0.9

        def steady():
            for _ in range(4):
                time.sleep(0.2)
                yield b"c" * 1100

        large = LIMITS.model_copy(update={"body_bytes": 1 << 20})
    with scene.served(large) as address:
        start = time.monotonic()
        assert httpx.post(f"{address}/predict", content=steady()).status_code == 200
        assert time.monotonic() - start > 0.75  # longer than a request may take
        assert httpx.post(f"{address}/undo").status_code == 200
    assert scene.statuses().count(408) == 2
    until(lambda: scene.memory.used_bytes == 0)


def test_work_of_a_client_that_has_gone_is_not_begun(scene):
    with scene.served(LIMITS.model_copy(update={"request_s": 20})) as address:
        going = posted(address, "/predict", b"first")
        until(lambda: scene.done == ["first begun"])
        gone = [posted(address, path, body) for path, body in (("/predict", b"never"), ("/reset_interactions", b""))]
        gone.append(raw(address, b"POST /reset_interactions HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        time.sleep(0.1)
        for connection in (*gone, going):
            connection.close()
        until(lambda: scene.statuses().count(499) == 3)
        assert scene.done == ["first begun"]
        scene.opened.set()
        until(lambda: scene.statuses().count(499) == 4)
        assert scene.done == ["first begun", "first"]  # what was begun is whole
        assert asyncio.run(scene.pool.work(scene.token, ME, lambda lease: lease.busy))  # the session is free again
        assert httpx.post(f"{address}/undo").status_code == 200


def test_a_client_may_go_while_it_sends(scene):
    scene.opened.set()
    with scene.served() as address:
        posted(address, "/predict", b"half", b"of it").close()
        until(lambda: scene.statuses() == [499])
        assert scene.done == []


def test_bodies_are_bounded_and_counted_while_they_are_there(scene):
    counted = []

    async def looking(scope, receive, send):
        await Request(scope, receive).body()
        current_request().reserve(500)
        counted.append(scene.memory.used_bytes)
        await httpx_ok(send)

    async def httpx_ok(send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with served(TimeoutMiddleware(looking, LIMITS, scene.memory)) as address:
        assert httpx.post(address, content=b"x").status_code == 200
        until(lambda: scene.memory.used_bytes == 0)
    assert counted == [501]  # and the body
    with scene.served() as address:
        assert httpx.post(f"{address}/predict", content=b"x" * 1001).status_code == 413


def test_an_unexpected_error_is_a_problem_without_data(scene):
    with scene.served() as address:
        found = httpx.get(f"{address}/train/")
        assert found.status_code == 500
        assert found.headers["content-type"] == "application/problem+json"
        assert "Doe" not in found.text
        assert found.headers["x-request-id"]
        assert httpx.post(f"{address}/undo").status_code == 200


class Reader:
    """A client of an app without sockets: it takes a message of its answer each time it is told to."""

    def __init__(self, app, path="/"):
        self.messages, self._may_take = [], asyncio.Semaphore(0)
        self._parts = [{"type": "http.request", "body": b""}]
        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self):
        if self._parts:
            return self._parts.pop()
        return await asyncio.Event().wait()

    async def _send(self, message):
        await self._may_take.acquire()
        self.messages.append(message)

    async def take(self, count):
        for _ in range(count):
            self._may_take.release()
            await asyncio.sleep(0.01)


def test_an_answer_is_counted_until_it_is_sent():
    size = 3 * PIECE_BYTES
    budget = Budget(2 * size - 1)

    async def answering(scope, receive, send):
        if scope["path"] == "/made":
            reserve_answer(size)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(size)})

    async def read():
        app = TimeoutMiddleware(answering, LIMITS, budget)
        for path in ("/", "/made"):
            slow = Reader(app, path)
            await slow.take(2)  # its head, and a piece
            assert budget.used_bytes == size
            refused = Reader(app, path)
            await refused.take(2)
            assert refused.messages[0]["status"] == (503 if path == "/" else 500)  # an app of ours says 503, too
            await refused.task
            await slow.take(2)
            await slow.task
            assert slow.messages[0]["status"] == 200
            assert [len(message["body"]) for message in slow.messages[1:]] == [PIECE_BYTES] * 3
            assert [message["more_body"] for message in slow.messages[1:]] == [True, True, False]
            assert budget.used_bytes == 0

    asyncio.run(read())


def test_an_answer_that_has_begun_waits_for_room():
    budget = Budget(1000)
    other = Reservation("request")

    async def answering(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": bytes(900)})

    async def read():
        reader = Reader(TimeoutMiddleware(answering, LIMITS, budget))
        budget.reserve(other, 500)
        await reader.take(6)
        assert not reader.task.done()
        budget.release(other)
        await reader.task
        assert len(reader.messages[-1]["body"]) == 900

    asyncio.run(read())


@pytest.mark.parametrize(("large", "limit"), [(False, JSON_BYTES), (True, 1 << 20)])
def test_a_large_body_is_refused_before_it_has_come(large, limit):
    app = make_app("test")

    @app.post("/json")
    @action("prompt", large=large)
    def take(body: dict[str, int]) -> None: ...

    protected(app, Authorizer(Policy.read(), None, LOCAL, None, None), "test", Limits(body_bytes=1 << 20))

    def chunks():
        for _ in range(64):
            yield bytes(1 << 18)

    with served(app) as address:
        declared = httpx.post(f"{address}/json", content=bytes(limit + 1))
        chunked = httpx.post(f"{address}/json", content=chunks())
        assert [answer.status_code for answer in (declared, chunked)] == [413, 413]
        assert declared.json()["title"] == "Content too large"
        assert httpx.post(f"{address}/json", content=b"{").status_code == 422
