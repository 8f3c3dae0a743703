"""A QA run over HTTP gives what `maskwright qa` gives; it is cancelled, removed, and read again by the next server."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

import maskwright as mw
from maskwright.engine.jobs.queue.queue import JobQueue
from maskwright.engine.jobs.record import RunRecord
from maskwright.engine.volume import LabelMap
from support.processes import children_of_this_process, group_is_there, group_of, until
from support.qa_runs import AFFINE, TAGS, box, ended, events


def test_a_run_gives_the_numbers_of_the_library(folder, serve):
    client, _ = serve()
    answer = client.post("/api/v1/qa", json={**TAGS, "tolerance_mm": [1.0, 3.0]})
    assert answer.status_code == 202
    run = answer.json()["run"]
    assert re.fullmatch("[0-9a-f]{16}", run)
    records = events(client, run)
    assert records[0]["state"] in ("waiting", "running")
    assert records[-1] == client.get(f"/api/v1/qa/{run}").json()
    assert (records[-1]["state"], records[-1]["done"], records[-1]["total"], records[-1]["failed"]) == ("done", 3, 3, 1)
    assert [event["done"] for event in records] == sorted(event["done"] for event in records)
    table = pl.read_csv(client.get(f"/api/v1/qa/{run}/results").content)
    for number, image in enumerate(folder.images[:2]):
        expected = mw.compare(box(3), box(4 + number), tolerance_mm=[1.0, 3.0]).labels[1]
        row = table.row(by_predicate=(pl.col("case") == image), named=True)
        assert row["dice"] == pytest.approx(expected.dice, abs=1e-12)
        assert row["hd95"] == pytest.approx(expected.hd95, abs=1e-12)
    lacking = table.row(by_predicate=(pl.col("case") == folder.images[2]), named=True)
    assert (lacking["status"], lacking["reason"]) == ("failed", f"no label is stored: second/{folder.images[2]}")
    assert folder.images[3] not in table["case"].to_list()
    report = client.get(f"/api/v1/qa/{run}/report")
    assert report.headers["content-type"].startswith("text/html")
    assert "second against first" in report.text
    for text in (report.text, client.get(f"/api/v1/qa/{run}/results").text, json.dumps(records)):
        assert "Doe" not in text
        assert "Jane" not in text
        assert "maskwright/qa" not in text
    again, _ = serve()
    assert again.get("/api/v1/qa").json() == {"runs": {run: records[-1]}}
    assert again.get(f"/api/v1/qa/{run}/report").content == report.content
    assert events(again, run) == [records[-1]]


def test_all_options_of_the_library_are_taken(folder, serve):
    client, _ = serve()
    folder.save(folder.images[1], "second", LabelMap(np.zeros((8, 16, 16), np.uint8), AFFINE))
    options = {"tolerance_mm": 1.0, "percentile": [90, 99.5], "empty": "penalty", "convention": "medpy"}
    options |= {"preset": "brain-tissue", "resample": True}
    run = client.post("/api/v1/qa", json={**TAGS, **options}).json()["run"]
    assert ended(client, run)["state"] == "done"
    summary = json.loads((folder.runs / run / "summary.json").read_text())["run"]
    assert (summary["tolerances_mm"], summary["percentiles"]) == ([1.0], [95.0, 90.0, 99.5])
    assert (summary["convention"], summary["empty"], summary["resample"]) == ("medpy", "penalty", True)
    assert summary["preset"]["name"] == "brain-tissue"
    table = pl.read_csv(client.get(f"/api/v1/qa/{run}/results").content)
    assert {"hd90", "hd99.5"} <= set(table.columns)
    row = table.row(by_predicate=(pl.col("case") == folder.images[1]) & (pl.col("label") == 1), named=True)
    assert row["hd95"] == pytest.approx(np.linalg.norm([8 * 2.0, 16, 16]))


def test_the_reason_of_a_failed_case_holds_no_path(folder, serve):
    client, _ = serve()
    folder.save(folder.images[0], "second", LabelMap(np.ones((3, 4, 5), np.uint8), AFFINE))
    path = folder.store.label_path(folder.images[1], "second")
    path.write_bytes(path.read_bytes()[:40])
    run = client.post("/api/v1/qa", json=TAGS).json()["run"]
    assert ended(client, run)["failed"] == 3
    text = client.get(f"/api/v1/qa/{run}/results").text + client.get(f"/api/v1/qa/{run}/report").text
    assert f"second/{folder.images[1]}.nii.gz" in text
    assert not any(part in text for part in ("Doe", "Jane", ".maskwright", "../"))


def test_a_bad_request_leaves_nothing(folder, serve, tmp_path):
    client, _ = serve()
    preset = tmp_path / "own.toml"
    preset.write_text("")
    cases = [
        ({}, 422, "reference_tag"),
        ({**TAGS, "reference_tag": "../first"}, 422, "tag"),
        ({**TAGS, "prediction_tag": "third"}, 422, "no image has a label under both"),
        ({**TAGS, "preset": str(preset)}, 422, "brats"),
        ({**TAGS, "preset": "../presets/brats"}, 422, "brats"),
        ({**TAGS, "tolerance_mm": []}, 422, "tolerance_mm"),
        ({**TAGS, "tolerance_mm": [-1]}, 422, "tolerance"),
        ({**TAGS, "tolerance_mm": "inf"}, 422, "tolerance_mm"),
        ({**TAGS, "convention": "mine"}, 422, "mine"),
        ({**TAGS, "empty": "mine"}, 422, "empty"),
        ({**TAGS, "out": "/tmp/x"}, 422, "out"),
    ]
    for body, status, part in cases:
        response = client.post("/api/v1/qa", json=body)
        assert response.status_code == status, response.text
        assert part in response.json()["detail"]
        assert str(tmp_path) not in response.text
    for run in ("0" * 16, "..", "%2e%2e%2fqa", "x" * 16, "0" * 15):
        for ending in ("", "/report", "/results", "/events"):
            assert client.get(f"/api/v1/qa/{run}{ending}").status_code == 404
    assert client.get("/api/v1/qa").json() == {"runs": {}}
    assert not folder.runs.exists() or not list(folder.runs.iterdir())


def test_a_running_run_is_cancelled_then_removed(folder, serve, monkeypatch):
    client, _ = serve()
    before = children_of_this_process()
    run = client.post("/api/v1/qa", json=TAGS).json()["run"]
    until(lambda: client.get(f"/api/v1/qa/{run}").json()["state"] == "running")
    (process,) = children_of_this_process() - before
    assert group_of(process) == process
    records = []
    with ThreadPoolExecutor(1) as pool, client.stream("GET", f"/api/v1/qa/{run}/events") as answer:
        lines = answer.iter_lines()
        records.append(next(lines))
        assert pool.submit(client.delete, f"/api/v1/qa/{run}").result().json() == {"was": "cancelled"}
        assert children_of_this_process() == before  # reaped: no zombie
        assert not group_is_there(process)
        records.extend(lines)
    last = json.loads([line for line in records if line][-1].removeprefix("data: "))
    assert (last["state"], last["detail"], last["total"]) == ("cancelled", "the run was cancelled", 3)
    assert client.get(f"/api/v1/qa/{run}").json() == last
    assert events(client, run) == [last]
    assert client.get(f"/api/v1/qa/{run}/report").status_code == 404
    assert JobQueue(folder.runs).record(run) == RunRecord(**last)  # on the disk
    assert not (folder.runs / run / "parts").exists()
    assert client.delete(f"/api/v1/qa/{run}").json() == {"was": "removed"}
    assert client.delete(f"/api/v1/qa/{run}").status_code == 404
    assert not list(folder.runs.iterdir())
    following = client.post("/api/v1/qa", json=TAGS).json()["run"]
    assert ended(client, following)["state"] == "done"  # the next one goes on as ever


def test_a_done_run_is_removed_with_its_report(folder, serve):
    client, _ = serve()
    run, other = (client.post("/api/v1/qa", json=TAGS).json()["run"] for _ in range(2))
    assert {ended(client, name)["state"] for name in (run, other)} == {"done"}
    assert client.delete(f"/api/v1/qa/{run}").json() == {"was": "removed"}
    for ending in ("", "/report", "/results", "/events"):
        assert client.get(f"/api/v1/qa/{run}{ending}").status_code == 404
    assert [path.name for path in folder.runs.iterdir()] == [other]
    assert client.get(f"/api/v1/qa/{other}/report").status_code == 200
    for unknown in (run, "0" * 16, "..", "%2e%2e", "%2e%2e%2fqa", "x" * 16):
        assert client.delete(f"/api/v1/qa/{unknown}").status_code in (404, 405), unknown
    assert [path.name for path in folder.runs.iterdir()] == [other]


def test_removal_ends_the_event_stream(serve, sleepers, monkeypatch):
    client, runs = serve()
    run = client.post("/api/v1/qa", json=TAGS).json()["run"]
    until(lambda: runs.record(run).done == 1)
    monkeypatch.setattr("maskwright.engine.service.protocols.v1.qa.POLL_S", 0.5)
    with client.stream("GET", f"/api/v1/qa/{run}/events") as answer:
        lines = answer.iter_lines()
        first = json.loads(next(lines).removeprefix("data: "))
        assert (runs.remove(run), runs.remove(run)) == ("cancelled", "removed")
        (last,) = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    assert last == {**first, "state": "cancelled", "detail": "the run was removed"}
