"""A server under the usual umask: nobody else can read its files, and a killed one leaves nothing under its name."""

import json
import os
import re
import stat
import subprocess
import sys

import httpx
import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.volume import LabelMap, Volume

COMMAND = [sys.executable, "-m", "maskwright.cli", "serve", "--port", "0", "--nninteractive-port", "0"]
SHAPE = (4, 12, 10)


@pytest.fixture
def start(tmp_path):
    """Start servers on a data folder, with a temporary folder of their own, and kill them at the end."""
    (tmp_path / "data").mkdir()
    (tmp_path / "tmp").mkdir()
    mw.write(Volume(np.zeros(SHAPE, np.int16), np.eye(4)), tmp_path / "data" / "smith-john.nii.gz")
    running = []

    def starting(*more):
        process = subprocess.Popen(
            [*COMMAND, "--data", tmp_path / "data", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
            umask=0o022,
        )
        running.append(process)
        return process, re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]

    yield starting
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def send_everything(address, tmp_path):
    """Upload, save labels twice in two ways, begin a session of the page, run a QA."""
    mw.write(Volume(np.ones(SHAPE, np.int16), np.eye(4)), tmp_path / "miller-jane.nii.gz")
    mw.write(LabelMap(np.ones(SHAPE, np.uint8), np.eye(4)), tmp_path / "label.nii.gz")
    image_file, label_file = (tmp_path / "miller-jane.nii.gz").read_bytes(), (tmp_path / "label.nii.gz").read_bytes()
    with httpx.Client(base_url=address, timeout=60) as client:

        def done(answer):
            assert answer.status_code in (200, 202), answer.text
            return answer

        name = "miller-jane.nii.gz"
        done(client.put("/session/", files={"files": (name, image_file)}))
        uploaded = done(client.put("/datastore/", files={"file": (name, image_file)})).json()["image"]
        listed = done(client.get("/datastore/")).json()["objects"]
        own = next(id_ for id_, one in listed.items() if one["image"]["info"]["name"] == "smith-john.nii.gz")
        assert listed[uploaded]["image"]["info"]["name"] == name
        for image in (own, uploaded):
            for suffix, data in ((".nii.gz", label_file), (".bin", np.ones(SHAPE, np.uint8).tobytes())):
                query = {"image": image, "tag": "final"}
                done(client.put("/datastore/label", params=query, files={"label": (f"l{suffix}", data)}))
            assert "final" in client.get("/datastore/").json()["objects"][image]["labels"]
            assert client.get("/info/").json()["datastore"]["total"] == 2
            got = done(client.get("/datastore/label", params={"label": image, "tag": "final"}))
            assert f'filename="{image}.nii.gz"' in got.headers["content-disposition"]
        session = done(client.post("/api/v1/sessions", json={"image": own})).json()["session"]
        prompt = {"object": 1, "kind": "point", "index": [2, 6, 5], "positive": True}
        client.post(f"/api/v1/sessions/{session}/prompts", json=prompt)
        done(client.post(f"/api/v1/sessions/{session}/save", json={"tag": "final"}))


def readable_by_others(folder):
    return [p.relative_to(folder).as_posix() for p in folder.rglob("*") if stat.S_IMODE(p.lstat().st_mode) & 0o077]


def test_files_of_a_server_are_private(start, tmp_path):
    before = {*(tmp_path / "data").rglob("*")}
    process, address = start()
    send_everything(address, tmp_path)
    written = {*(tmp_path / "data").rglob("*")} - before
    assert {path.name for path in written} >= {"labels", "uploads", "versions", ".maskwright", "audit.db"}
    assert [path for path in readable_by_others(tmp_path / "data") if path != "smith-john.nii.gz"] == []
    assert readable_by_others(tmp_path / "tmp") == []
    process.terminate()
    assert process.wait(30) == 0
    assert [*(tmp_path / "tmp").glob("*/*")] == []


def test_killed_server_leaves_only_random_names_and_the_next_sweeps_them(start, tmp_path):
    process, address = start("--ephemeral")
    send_everything(address, tmp_path)
    process.kill()
    process.wait()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["smith-john.nii.gz"]
    left = [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]
    assert left
    names = [path.relative_to(tmp_path).as_posix() for path in (tmp_path / "tmp").rglob("*")]
    assert not [name for name in names if re.search("smith|john|miller|jane", name)]
    assert readable_by_others(tmp_path / "tmp") == []
    for path in left:
        if path.suffix == ".json":
            assert not re.search("smith|john|miller|jane", json.dumps(json.loads(path.read_text())))
    start("--ephemeral")
    assert not [path for path in left if path.exists()]
