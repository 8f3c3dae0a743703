"""Requests of one session are carried out in the order in which they reached the server. Real sockets."""

import asyncio
import json
import socket
import threading
import time

import httpx
import numpy as np
import pytest
from fastapi import FastAPI, Request

import maskwright as mw
from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.protocols.monailabel import infer
from maskwright.engine.service.protocols.monailabel.app import monailabel_router
from maskwright.engine.service.sessions.leases import LeasePolicy, Leases
from maskwright.engine.service.sessions.queue import ArrivalMiddleware, SessionQueues, queue_key
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from maskwright.errors import GoneError
from support.serving import served

ME = ""


def until(true, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Slow:
    """An outer layer that lets the first request wait longer than the others, as an audit log may."""

    def __init__(self, app):
        self.app, self.pauses = app, [0.2]

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and self.pauses:
            await asyncio.sleep(self.pauses.pop())
        await self.app(scope, receive, send)


def begin(address, path, headers=b"", length=1):
    """Send the head of a request whose body is still to come."""
    host, port = address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n".encode()
    connection.sendall(head + headers + b"\r\n")
    return connection


def status_of(connection):
    answer = connection.recv(10_000)
    connection.close()
    return int(answer.split()[1])


@pytest.fixture
def scene():
    """An app whose requests append their bodies to ``order``, in one session; ``gate`` lets work go on."""
    queues, order, gate = SessionQueues(), [], threading.Event()
    pool, seen = Leases(ServiceSession, LeasePolicy(), Budget(10**9), queues), []
    token, app = pool.claim(ME), FastAPI()
    answer_with_problems(app)

    @app.post("/api/v1/sessions/{session}/prompts")
    async def prompt(request: Request, session: str) -> dict[str, bool]:
        seen.append(session)
        name = (await request.body()).decode()

        def work(lease):
            order.append(f"{name} begun")
            assert gate.wait(20)
            order.append(name)

        await pool.work(session, ME, work)
        return {"ok": True}

    slow = Slow(app)
    with served(ArrivalMiddleware(slow, queues)) as address:
        yield address, f"/api/v1/sessions/{token}/prompts", order, gate, seen
        gate.set()


def test_later_request_waits_for_an_earlier_body(scene):
    address, path, order, gate, seen = scene
    gate.set()
    early = begin(address, path)
    until(lambda: len(seen) == 1)
    late = begin(address, path)
    late.sendall(b"2")
    until(lambda: len(seen) == 2)
    time.sleep(0.05)
    assert order == []
    early.sendall(b"1")
    assert [status_of(early), status_of(late)] == [200, 200]
    assert [name for name in order if "begun" not in name] == ["1", "2"]


def test_delay_before_the_app_keeps_the_order(scene):
    address, path, order, gate, _seen = scene
    gate.set()
    connections = []
    for name in (b"1", b"2", b"3"):
        connections.append(begin(address, path))
        connections[-1].sendall(name)
        time.sleep(0.02)  # on its way: the first waits in the layer above for .2 s
    assert [status_of(each) for each in connections] == [200] * 3
    assert [name for name in order if "begun" not in name] == ["1", "2", "3"]


def test_broken_off_request_leaves_the_queue(scene):
    address, path, order, gate, seen = scene
    running = begin(address, path)
    running.sendall(b"1")
    until(lambda: order == ["1 begun"])
    broken = begin(address, path)
    until(lambda: len(seen) == 2)
    waiting = begin(address, path)
    waiting.sendall(b"3")
    until(lambda: len(seen) == 3)
    broken.close()
    assert httpx.post(f"{address}{path}/nowhere").status_code == 404
    gate.set()
    assert [status_of(running), status_of(waiting)] == [200, 200]
    assert order == ["1 begun", "1", "3 begun", "3"]


def test_given_up_ticket_runs_nothing():
    async def main():
        queues = SessionQueues()
        first, second, third = (queues.join("a") for _ in range(3))
        second.give_up()
        second.give_up()
        done = []

        async def work():
            done.append(len(done))

        with pytest.raises(GoneError):
            await second.run(work)
        later = asyncio.create_task(third.run(work))
        await asyncio.sleep(0)
        assert done == []
        first.give_up()
        await later
        assert done == [0]
        await queues.join("a").run(work)

    asyncio.run(main())


def scope(path, query="", **headers):
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"path": path, "query_string": query.encode(), "headers": lines, "client": ("127.0.0.1", 1)}


def test_the_queue_of_a_request():
    assert queue_key(scope("/undo", x_lease_token="t")) == "t"
    assert queue_key(scope("/api/v1/sessions/t/objects/1")) == "t"
    assert queue_key(scope("/api/v1/sessions")) is None
    assert queue_key(scope("/infer/maskwright")) is None
    keys = {
        queue_key(scope("/infer/maskwright", query, authorization=token))
        for query in ("image=a", "image=b", "session_id=a")
        for token in ("Bearer x", "Bearer y")
    }
    assert len(keys) == 6


def test_clicks_run_in_order_of_arrival(tmp_path, monkeypatch):
    array = np.random.default_rng(0).normal(size=(4, 16, 16)).astype(np.float32)
    mw.write(Volume(array, np.eye(4)[[2, 1, 0, 3]]), tmp_path / "a.nii.gz")
    order, gate, entered, clicks_of = [], threading.Event(), [], infer.clicks_of
    read_form = infer.read_form

    async def read(request):
        entered.append(1)
        return await read_form(request)

    def note(params, volume):
        order.append(params["foreground"][0][0])
        assert gate.wait(20)
        return clicks_of(params, volume)

    monkeypatch.setattr(infer, "clicks_of", note)
    monkeypatch.setattr(infer, "read_form", read)
    with Datastore.open(tmp_path) as store:
        state, app = AppState.of(store), FastAPI(strict_content_type=False)
        answer_with_problems(app)
        app.include_router(monailabel_router(state, tokens=None))
        path = f"/infer/maskwright?output=json&image={store.images()[0].id}"
        bodies = [json.dumps({"foreground": [[8 + n, 8, 2]]}).encode() for n in range(3)]
        with served(ArrivalMiddleware(app, state.queues)) as address:
            running = begin(address, path, length=len(bodies[0]))
            running.sendall(bodies[0])
            until(lambda: order == [8])
            early = begin(address, path, length=len(bodies[1]))
            until(lambda: len(entered) == 2)
            late = begin(address, path, length=len(bodies[2]))
            late.sendall(bodies[2])
            gate.set()
            assert status_of(running) == 200
            time.sleep(0.1)
            assert order == [8]
            early.sendall(bodies[1])
            assert [status_of(early), status_of(late)] == [200, 200]
            assert order == [8, 9, 10]
