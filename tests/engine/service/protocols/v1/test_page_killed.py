"""`maskwright serve` is killed, or told to end, and started again: sessions of the page go on where they were."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.volume import Volume

AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
COMMAND = [sys.executable, "-m", "maskwright.cli", "serve", "--port", "0", "--nninteractive-port", "0"]


@contextmanager
def server(folder, *more):
    """Serve a folder, and give a client of the sessions, and the process."""
    process = subprocess.Popen(
        [*COMMAND, "--data", folder, *more], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        address = re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        with httpx.Client(base_url=address, timeout=60) as client:
            yield client, process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def folder(tmp_path):
    image = np.random.default_rng(0).normal(100, 3, (10, 24, 24))
    image[3:8, 6:18, 6:18] += 80
    mw.write(Volume(image.astype(np.float32), AFFINE), tmp_path / "a.nii.gz")
    return tmp_path


def begin(client):
    image = next(iter(client.get("/datastore/").json()["objects"]))
    found = client.post("/api/v1/sessions", json={"image": image})
    assert found.status_code == 200, found.text
    return f"/api/v1/sessions/{found.json()['session']}"


def ask(client, at, what, json=None, method="POST"):
    found = client.request(method, f"{at}/{what}", json=json)
    assert found.status_code == 200, found.text
    return found.json()


def outline(client, at):
    """Two objects, edits of every kind, one of them undone; return what undoing once and twice more comes to."""
    ask(client, at, "prompts", {"object": 1, "kind": "point", "index": [5, 12, 12]})
    ask(client, at, "propagate", {"object": 1, "axis": 0, "given": [5], "from": 3, "to": 8})
    ask(client, at, "objects", {"name": "cyst"})
    ask(client, at, "objects/1", {"locked": True}, "PATCH")
    ask(client, at, "prompts", {"object": 2, "kind": "box", "lower": [5, 8, 8], "upper": [6, 20, 20]})
    ask(client, at, "prompts", {"object": 2, "kind": "scribble", "voxels": [[1, 2, 2], [1, 2, 3]]})
    ask(client, at, "prompts", {"object": 2, "kind": "scribble", "voxels": [[8, 21, 21], [8, 21, 20]]})
    ask(client, at, "undo")
    refused = client.post(f"{at}/prompts", json={"object": 3, "kind": "point", "index": [5, 12, 12]})
    assert refused.status_code == 422
    return ask(client, at, "objects/1", {"name": "liver", "active": True, "locked": False}, "PATCH")


def label(client, at):
    found = client.get(f"{at}/label.nii.gz")
    assert found.status_code == 200, found.text
    return found.content


def journals_of(folder):
    return list((folder / ".maskwright").rglob("*.journal"))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_session_survives_a_restart(folder, how):
    with server(folder) as (client, process):
        at = begin(client)
        described, before = outline(client, at), label(client, at)
        redone = ask(client, at, "redo")
        whole = label(client, at)
        ask(client, at, "undo")
        undone = ask(client, at, "undo")
        less = label(client, at)
        ask(client, at, "redo")
        assert len({before, whole, less}) == 3
        process.send_signal(how)
        process.wait(timeout=30)
    with server(folder) as (client, _):
        assert label(client, at) == before
        assert ask(client, at, "redo") == redone
        assert label(client, at) == whole
        ask(client, at, "undo")
        assert ask(client, at, "undo") == undone
        assert label(client, at) == less
        assert ask(client, at, "objects/1", {"active": True}, "PATCH") == described
        stranger = client.post("/api/v1/sessions/guess/undo")
        assert stranger.status_code == 410


def test_changed_image_ends_its_session_and_delete_leaves_no_journal(folder):
    with server(folder) as (client, process):
        gone, deleted = begin(client), begin(client)
        assert len(journals_of(folder)) == 2
        assert client.delete(deleted).status_code == 200
        assert len(journals_of(folder)) == 1
        process.kill()
        process.wait()
    mw.write(Volume(np.zeros((10, 24, 24), np.float32), AFFINE), folder / "a.nii.gz")
    with server(folder) as (client, _):
        for _ in range(2):
            found = client.post(f"{gone}/undo")
            assert found.status_code == 410
            assert "its image has changed" in found.json()["detail"]
        assert "does not know it" in client.post(f"{deleted}/undo").json()["detail"]
        client.delete(gone)
        assert journals_of(folder) == []
        assert "does not know it" in client.post(f"{gone}/undo").json()["detail"]


def test_ephemeral_server_writes_no_journal(folder):
    with server(folder, "--ephemeral") as (client, _):
        outline(client, begin(client))
    assert [path.name for path in folder.iterdir()] == ["a.nii.gz"]
