"""A server with small limits, tested whole: too much at once is refused and it still answers; an orderly end."""

import json
import re
import signal
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
from maskwright.engine.service.access.policy import SHIPPED
from maskwright.engine.service.protocols.packed_array import pack_array
from maskwright.engine.volume import Volume

AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
PROGRAM = """
import sys, time
from pathlib import Path
from maskwright.engine.service import server
from maskwright.engine.service.remote_session import RemoteSession
add = RemoteSession.add_point
RemoteSession.add_point = lambda self, *args: (time.sleep({slow}), add(self, *args))[1]
server.serve(server.Serving(Path(sys.argv[1]), port=0, nninteractive_port=0, config=Path(sys.argv[2])))
"""
MIB = 1 << 20


class Server:
    """A server of its own process, with limits, and clicks that take a moment."""

    def __init__(self, folder, slow=0.0, **limits):
        self.folder = folder / "data"
        self.folder.mkdir()
        policy = re.sub(r"\[limits\].*", "", SHIPPED.read_text(), flags=re.DOTALL)
        table = "\n".join(f"{name} = {value}" for name, value in limits.items())
        (folder / "service.toml").write_text(f"{policy}\n[limits]\n{table}\n")
        for name in "ab":
            array = np.random.default_rng(ord(name)).normal(size=(16, 256, 256)).astype(np.float32)  # 4 MiB
            mw.write(Volume(array, AFFINE), self.folder / f"{name}.nii.gz")
        self.log = (folder / "log").open("w")
        command = [sys.executable, "-c", PROGRAM.format(slow=slow), self.folder, folder / "service.toml"]
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


def test_many_large_uploads_at_once_are_refused_and_the_server_still_answers(started):
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
    assert 503 in found or 410 in found
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


def test_what_runs_when_the_server_is_told_to_end_is_finished_and_answered(started):
    server = started(slow=1.5)
    lease = server.claim()
    assert server.set_image(lease, noise(0, 32)).status_code == 200
    answers = []
    click = {"coordinates": [8, 16, 16]}
    url = f"{server.prompts}/add_point_interaction"
    thread = threading.Thread(target=lambda: answers.append(httpx.post(url, json=click, headers=lease, timeout=30)))
    thread.start()
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    thread.join()
    assert server.process.wait(timeout=20) == 0
    assert [answer.status_code for answer in answers] == [200]
    assert json.loads(answers[0].headers["x-meta"])["ran_prediction"]
    assert {line["level"] for line in server.lines()} == {"info"}
    assert [line["status"] for line in server.lines() if line["route"] == "/add_point_interaction"] == [200]
