"""A QA run of `maskwright serve`, from the command line to the report; the server ends although a run goes on."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import time

import httpx
import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.service.app import Settings, create_app
from maskwright.engine.service.protocols.v1.stored_labels_job import stored_labels_job
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import InputError

AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])


def test_runs_of_an_ephemeral_server_are_removed_with_it(tmp_path):
    async def folder_of(settings):
        app = create_app(settings)
        folder = app.state.runs.folder
        assert folder.parent.is_dir()
        async with app.router.lifespan_context(app):
            with Datastore.open(None, ephemeral=True) as store, pytest.raises(InputError, match="no image"):
                stored_labels_job(store, folder, "first", "second", CompareOptions())
        return folder

    assert not asyncio.run(folder_of(Settings())).exists()
    assert asyncio.run(folder_of(Settings(data=tmp_path))) == tmp_path / ".maskwright" / "qa"


def test_a_run_from_the_command_line_and_the_end_of_its_server(tmp_path):
    array = np.zeros((8, 16, 16), np.uint8)
    array[2:6, 3:11, 4:12] = 1
    mw.write(Volume(array.astype(np.float32), AFFINE), tmp_path / "a.nii.gz")
    mw.write(LabelMap(array, AFFINE), tmp_path.parent / "mask.nii.gz")
    command = [sys.executable, "-m", "maskwright.cli", "serve", "--port", "0", "--nninteractive-port", "0"]
    with subprocess.Popen([*command, "--data", tmp_path], stdout=-1, stderr=-1, text=True) as process:
        try:
            address = re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
            with httpx.Client(base_url=address, timeout=30) as client:
                image = next(iter(client.get("/datastore/").json()["objects"]))
                for tag in ("first", "second"):
                    sent = {"label": ("mask.nii.gz", (tmp_path.parent / "mask.nii.gz").read_bytes())}
                    assert client.put(f"/datastore/label?image={image}&tag={tag}", files=sent).status_code == 200
                body = {"reference_tag": "first", "prediction_tag": "second"}
                run = client.post("/api/v1/qa", json=body).json()["run"]
                with client.stream("GET", f"/api/v1/qa/{run}/events") as answer:
                    last = [json.loads(line[6:]) for line in answer.iter_lines() if line][-1]
                assert last == {"state": "done", "done": 1, "total": 1, "failed": 0, "detail": ""}
                assert "second against first" in client.get(f"/api/v1/qa/{run}/report").text
                metrics = client.get("/metrics").text
                assert 'maskwright_requests_total{action="run_qa",protocol="monailabel",status="2xx"} 1.0' in metrics
                run = client.post("/api/v1/qa", json=body).json()["run"]
                with client.stream("GET", f"/api/v1/qa/{run}/events") as answer:
                    lines = answer.iter_lines()
                    next(lines)
                    process.send_signal(signal.SIGTERM)
                    start = time.monotonic()
                    records = [json.loads(line[6:]) for line in lines if line]
                    assert records[-1]["state"] == "failed"
            assert process.wait(timeout=20) == 0
            assert time.monotonic() - start < 10
            assert {json.loads(line)["level"] for line in process.stderr} == {"info"}
        finally:
            if process.poll() is None:
                process.kill()
    assert (tmp_path / ".maskwright" / "qa" / run / "run.json").is_file()
