"""`maskwright serve` as people start it: both real clients at once, one process, and an orderly end."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
import warnings

import httpx
import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.volume import LabelMap, Volume

pytestmark = pytest.mark.clients
remote = pytest.importorskip("nnInteractive.inference.remote.remote_session")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # cgi
    monailabel = pytest.importorskip("monailabel.client.client")

AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
COMMAND = [sys.executable, "-m", "maskwright.cli", "serve", "--port", "0", "--nninteractive-port", "0"]


def start(folder, *more):
    """Start a server on a folder, and return its process and its two addresses."""
    process = subprocess.Popen(
        [*COMMAND, "--data", folder, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    return process, re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())


def stop(process):
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()


@pytest.fixture
def serving(tmp_path):
    """A data folder with one image, the two addresses of a server on it, and its process."""
    image = np.random.default_rng(0).normal(100, 3, (12, 30, 30))
    image[3:9, 8:22, 8:22] += 80
    mw.write(
        Volume(image.astype(np.float32), AFFINE),
        tmp_path / "a.nii.gz",
    )
    process, addresses = start(tmp_path)
    try:
        yield tmp_path, addresses, process
    finally:
        stop(process)


def test_both_clients_of_one_server_and_its_end(serving, tmp_path):
    folder, (labels_at, prompts_at), process = serving
    client = monailabel.MONAILabelClient(labels_at, tmpdir=str(tmp_path))
    image = next(iter(client.datastore()["objects"]))
    path, _ = client.infer("maskwright", image, {"foreground": [[15, 15, 6]], "result_extension": ".nii.gz"})
    client.save_label(image, path, "final")
    with remote.nnInteractiveRemoteInferenceSession(prompts_at) as session:
        session.set_image(mw.read(folder / "a.nii.gz").array[None], {"spacing": [2.0, 1.0, 1.0]})
        session.set_target_buffer(np.zeros((12, 30, 30), np.uint8))
        session.add_point_interaction([6, 15, 15], include_interaction=True)
        np.testing.assert_array_equal(session.target_buffer, mw.read_labels(path).array)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert {line["level"] for line in lines} == {"info"}
    assert [line["status"] for line in lines if line["route"] == "/add_point_interaction"] == [200]
    assert [p.name for p in (folder / "labels" / "final").glob("a-*.nii.gz")] == [f"{image}.nii.gz"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--host", "0.0.0.0"], "--token-file"),
        (["--token-file", "/nowhere"], "token file"),
        (["--data", "/nowhere/at/all"], "cannot be served"),
        (["--port", "{taken}"], "choose another one"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(serving, arguments, part):
    taken = serving[1][0].rpartition(":")[2]
    given = [argument.format(taken=taken) for argument in arguments]
    found = subprocess.run([*COMMAND, *given], check=False, capture_output=True, text=True, timeout=60)
    assert found.returncode == 2
    assert part in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_after_a_sudden_death_sessions_are_there_again(serving):
    folder, (_, prompts_at), process = serving
    image = mw.read(folder / "a.nii.gz").array[None]
    stroke = np.ones((1, 1, 5), np.uint8)

    def begin(address):
        session = remote.nnInteractiveRemoteInferenceSession(address)
        session.set_image(image, {"spacing": [2.0, 1.0, 1.0]})
        session.set_target_buffer(np.zeros(image.shape[1:], np.uint8))
        session.add_point_interaction([2, 2, 2], include_interaction=True)
        session.reset_interactions()
        session.add_point_interaction([6, 15, 15], include_interaction=True)
        session.add_scribble_interaction(stroke, False, interaction_bbox=[[6, 7], [20, 21], [12, 17]])
        return session

    cut, whole = begin(prompts_at), begin(prompts_at)
    np.testing.assert_array_equal(cut.target_buffer, whole.target_buffer)
    whole.undo()
    process.kill()
    process.wait()
    again, addresses = start(folder, "--nninteractive-port", prompts_at.rpartition(":")[2])
    try:
        assert addresses[1] == prompts_at
        cut.undo()
        np.testing.assert_array_equal(cut.target_buffer, whole.target_buffer)
        whole.close()
        stranger = httpx.post(f"{prompts_at}/undo", headers={"X-Lease-Token": "guess"})
        assert stranger.status_code == 410
        cut.close()
        assert not list((folder / ".maskwright" / "sessions").glob("*.journal"))
        assert not list((folder / ".maskwright" / "sessions").glob("*.image"))
    finally:
        stop(again)


def test_a_sudden_death_under_load_loses_no_saved_label(serving, tmp_path_factory):
    folder, (labels_at, prompts_at), process = serving
    image = next(iter(httpx.get(f"{labels_at}/datastore/").json()["objects"]))
    scratch = tmp_path_factory.mktemp("labels")
    acknowledged, ended = [], threading.Event()

    def save(reader):
        for number in range(1000):
            mask = np.zeros((12, 30, 30), np.uint8)
            mask[number % 12, reader, number % 30] = 1 + number // 12
            mw.write(LabelMap(mask, AFFINE), scratch / f"{reader}.nii.gz")
            data = (scratch / f"{reader}.nii.gz").read_bytes()
            try:
                url = f"{labels_at}/datastore/label?image={image}&tag=reader{reader}"
                if httpx.put(url, files={"label": ("l.nii.gz", data)}).status_code == 200:
                    acknowledged.append((reader, data))
            except httpx.HTTPError:
                return

    def click():
        try:
            session = remote.nnInteractiveRemoteInferenceSession(prompts_at)
            session.set_image(mw.read(folder / "a.nii.gz").array[None], {"spacing": [2.0, 1.0, 1.0]})
            while not ended.is_set():
                session.add_point_interaction([6, 15, 15], include_interaction=True)
                session.undo()
        except httpx.HTTPError:
            return

    threads = [threading.Thread(target=save, args=(n,)) for n in range(3)] + [threading.Thread(target=click)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while len(acknowledged) < 30 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    ended.set()
    for thread in threads:
        thread.join()
    assert len(acknowledged) >= 30
    again, _ = start(folder)
    stop(again)
    kept = {path.read_bytes() for path in (folder / "labels").rglob("*.nii.gz")}
    assert all(data in kept for _, data in acknowledged)
    assert not [
        path for path in (folder / "labels").rglob("*") if path.is_file() and path.name.startswith(".unfinished")
    ]
