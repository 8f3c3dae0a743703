"""A server with small limits, tested whole: too much at once is refused and it still answers; an orderly end."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.audit import key_path_of, read_key, verify
from maskwright.engine.audit.checkpoints import checkpoints_path
from maskwright.engine.service.app import sign
from maskwright.engine.service.budget.limits import SHIPPED
from maskwright.engine.service.protocols.nninteractive.packed_array import pack_array
from maskwright.engine.volume import Volume
from maskwright.errors import AuditError

AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
PROGRAM = """
import sys, time
from pathlib import Path
from maskwright.engine.service import server
from maskwright.engine.service.protocols.nninteractive.remote_session import RemoteSession
add = RemoteSession.add_point
RemoteSession.add_point = lambda self, *args: (time.sleep({slow}), add(self, *args))[1]
server.GRACE_S = {grace}
server.serve(server.Settings(data=Path(sys.argv[1]), port=0, nninteractive_port=0, config=Path(sys.argv[2])))
server.exit_now()
"""
MIB = 1 << 20


class Server:
    """A server of its own process, with limits, and clicks that take a moment."""

    def __init__(self, folder, slow=0.0, grace=20, **limits):
        self.folder = folder / "data"
        self.folder.mkdir()
        policy = re.sub(r"\[limits\].*", "", SHIPPED.read_text(), flags=re.DOTALL)
        table = "\n".join(f"{name} = {value}" for name, value in limits.items())
        (folder / "service.toml").write_text(f"{policy}\n[limits]\n{table}\n")
        for name in "ab":
            array = np.random.default_rng(ord(name)).normal(size=(16, 256, 256)).astype(np.float32)  # 4 MiB
            mw.write(Volume(array, AFFINE), self.folder / f"{name}.nii.gz")
        self.log = (folder / "log").open("w")
        command = [sys.executable, "-c", PROGRAM.format(slow=slow, grace=grace), self.folder, folder / "service.toml"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.labels, self.prompts = re.findall(r"http://127\.0\.0\.1:\d+", self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def lines(self):
        return [json.loads(line) for line in Path(self.log.name).read_text().splitlines()]

    def number(self, name):
        return float(re.search(rf"^{name} (.*)$", httpx.get(f"{self.labels}/metrics").text, re.MULTILINE)[1])

    def claim(self):
        return {"X-Lease-Token": httpx.post(f"{self.prompts}/claim").json()["lease_token"]}

    def set_image(self, lease, array):
        meta = {"X-Meta": '{"image_properties": {"spacing": [1, 1, 1]}}'}
        return httpx.post(f"{self.prompts}/set_image", content=pack_array(array), headers=lease | meta, timeout=30)


@pytest.fixture
def started(tmp_path):
    """Start a server; it is ended whatever happens."""
    servers = []

    def start(**more):
        servers.append(Server(tmp_path, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


def noise(seed, side=128):
    return np.random.default_rng(seed).integers(0, 255, (1, 16, side, side)).astype(np.uint8)


def test_large_uploads_at_once_are_refused_and_others_are_answered(started):
    server = started(memory_bytes=24 * MIB, sessions=12, body_bytes=8 * MIB, axis_voxels=1000)
    leases, answers = [server.claim() for _ in range(8)], []
    images = [np.random.default_rng(n).integers(0, 255, (1, 6, 1000, 1000)).astype(np.uint8) for n in range(2)]

    def send(lease, image):
        answers.append(server.set_image(lease, image))

    threads = [threading.Thread(target=send, args=(lease, images[n % 2])) for n, lease in enumerate(leases)]
    for thread in threads:
        thread.start()
    highest = 0.0
    while any(thread.is_alive() for thread in threads):
        highest = max(highest, server.number("maskwright_memory_bytes"))
    for thread in threads:
        thread.join()
    found = {answer.status_code for answer in answers}
    assert found <= {200, 410, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert answer.headers["retry-after"]
            assert "try again" in answer.json()["detail"]
    assert 0 < highest <= server.number("maskwright_memory_limit_bytes") == 24 * MIB
    small = server.claim()
    assert server.set_image(small, noise(3, 16)).status_code == 200
    for lease in (*leases, small):
        httpx.post(f"{server.prompts}/release", headers=lease)
    assert server.number("maskwright_memory_bytes") == 0
    # and what could never be
    lease = server.claim()
    assert server.set_image(lease, np.zeros((1, 2, 2, 1001), np.uint8)).status_code == 413
    assert server.set_image(lease, np.zeros((1, 25, 1000, 1000), np.uint8)).status_code == 503  # packs to little
    assert httpx.get(f"{server.labels}/healthz").status_code == 200


def test_an_image_is_counted_once_and_volumes_go_before_sessions(started):
    server = started(memory_bytes=11 * MIB + 50_000)
    images = list(httpx.get(f"{server.labels}/datastore/").json()["objects"])
    begun = [httpx.post(f"{server.labels}/api/v1/sessions", json={"image": images[0]}, timeout=60) for _ in range(3)]
    assert [each.status_code for each in begun] == [200] * 3
    assert server.number("maskwright_memory_bytes") == 4 * MIB + 3 * MIB  # the image, and a mask each
    httpx.delete(f"{server.labels}/api/v1/sessions/{begun[0].json()['session']}")
    assert server.number("maskwright_memory_bytes") == 6 * MIB
    other = httpx.post(f"{server.labels}/api/v1/sessions", json={"image": images[1]}, timeout=60)
    assert other.status_code == 200
    assert server.number("maskwright_memory_bytes") == 11 * MIB  # the other image, too, and no session ended

    def undo(session):
        return httpx.post(f"{server.labels}/api/v1/sessions/{session.json()['session']}/undo")

    assert [undo(each).status_code for each in begun[1:]] == [200, 200]
    lease = server.claim()
    assert server.set_image(lease, noise(1)).status_code == 200  # the longest idle one has gone for it
    assert undo(other).status_code == 410
    assert "memory was short" in undo(other).json()["detail"]
    assert [undo(each).status_code for each in begun[1:]] == [200, 200]


def test_the_audit_log_is_signed_from_time_to_time(started):
    server = started(checkpoint_s=0.2)
    database = server.folder / ".maskwright" / "audit.db"
    signed = checkpoints_path(database)
    assert httpx.get(f"{server.labels}/info/").status_code == 200
    deadline = time.monotonic() + 10
    while not (signed.exists() and len(signed.read_text().splitlines()) > 1):
        assert time.monotonic() < deadline, list(database.parent.iterdir())
        time.sleep(0.05)
    server.process.kill()
    server.process.wait()
    found = verify(database, read_key(key_path_of(database)))
    assert found.whole
    assert len(signed.read_text().splitlines()) == 2  # none for what was signed already


@pytest.mark.parametrize(("slow", "grace", "status"), [(1.0, 20, [200]), (30.0, 1, [500])])
def test_shutdown_finishes_running_requests(started, slow, grace, status):
    server = started(slow=slow, grace=grace)
    lease = server.claim()
    assert server.set_image(lease, noise(0, 32)).status_code == 200
    answers = []
    click = {"coordinates": [8, 16, 16]}
    url = f"{server.prompts}/add_point_interaction"
    thread = threading.Thread(target=lambda: answers.append(httpx.post(url, json=click, headers=lease, timeout=30)))
    thread.start()
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=15) == 0
    thread.join()
    assert [answer.status_code for answer in answers] == status
    assert all(line["level"] == "info" for line in server.lines()) == (status == [200])
    assert "Traceback" not in Path(server.log.name).read_text()
    database = server.folder / ".maskwright" / "audit.db"
    assert verify(database, read_key(key_path_of(database))).whole
    with contextlib.closing(sqlite3.connect(database)) as log:
        rows = log.execute("select details from events where outcome != 'begun'")
        events = [json.loads(row[0])["http_status"] for row in rows]
    assert events == [200, 200, *status]  # claimed, image, and the click, whatever became of it


def test_an_audit_log_that_cannot_be_signed_stops_nothing():
    tries = []

    class Log:
        def checkpoint(self):
            tries.append(1)
            raise AuditError("full")

    async def tick():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await sign(Log(), 0.05)

    asyncio.run(tick())
    assert len(tries) > 2


def test_arriving_bodies_are_counted(started):
    server = started(memory_bytes=16 * MIB, body_bytes=8 * MIB)
    host, port = server.prompts.removeprefix("http://").split(":")
    lease = server.claim()["X-Lease-Token"]
    head = f"POST /set_image HTTP/1.1\r\nHost: localhost\r\nX-Lease-Token: {lease}\r\nContent-Length: {7 * MIB}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        sending = [stack.enter_context(socket.create_connection((host, int(port)), timeout=10)) for _ in range(3)]
        for count, connection in enumerate(sending):
            connection.sendall(head.encode())
            connection.sendall(bytes(6 * MIB))
            deadline = time.monotonic() + 10
            while count < 2 and server.number("maskwright_memory_bytes") < (count + 1) * 6 * MIB:
                assert time.monotonic() < deadline
        answer = sending[2].recv(10_000)
        assert b" 503 " in answer
        assert b"retry-after" in answer.lower()
        assert server.number("maskwright_memory_bytes") <= 16 * MIB
        assert httpx.post(f"{server.prompts}/claim").status_code == 200
    deadline = time.monotonic() + 10
    while server.number("maskwright_memory_bytes"):
        assert time.monotonic() < deadline
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"Doe Jane\r\n\r\n")
        assert b" 400 " in connection.recv(1000)
    while not any(line["logger"] == "uvicorn.error" for line in server.lines()):
        assert time.monotonic() < deadline
    assert "Doe" not in Path(server.log.name).read_text()
