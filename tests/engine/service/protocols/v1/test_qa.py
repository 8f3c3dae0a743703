"""A QA run over HTTP gives what `maskwright qa` gives; it ends with its server and is found again by the next one."""

import json
import os
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import maskwright as mw
from maskwright.engine.service.qa_runs import Asked, QaRuns, Record
from maskwright.engine.service.qa_runs import child as child_module
from maskwright.engine.service.qa_runs import runs as runs_module
from maskwright.engine.service.qa_runs.redact import unplaced
from maskwright.engine.volume import LabelMap
from maskwright.errors import CapacityError, MaskwrightError
from reference.qa_runs import AFFINE, TAGS, box, ended, events, group_is_there, until


def test_a_run_gives_the_numbers_of_the_library_and_is_found_again(folder, serve):
    client, _ = serve()
    asked = client.post("/api/v1/qa", json={**TAGS, "tolerance_mm": [1.0, 3.0]})
    assert asked.status_code == 202
    run = asked.json()["run"]
    assert re.fullmatch("[0-9a-f]{16}", run)
    told = events(client, run)
    assert told[0]["state"] in ("waiting", "running")
    assert told[-1] == client.get(f"/api/v1/qa/{run}").json()
    assert (told[-1]["state"], told[-1]["done"], told[-1]["total"], told[-1]["failed"]) == ("done", 3, 3, 1)
    assert [event["done"] for event in told] == sorted(event["done"] for event in told)
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
    for text in (report.text, client.get(f"/api/v1/qa/{run}/results").text, json.dumps(told)):
        assert "Doe" not in text
        assert "Jane" not in text
        assert "maskwright/qa" not in text
    again, _ = serve()
    assert again.get("/api/v1/qa").json() == {"runs": {run: told[-1]}}
    assert again.get(f"/api/v1/qa/{run}/report").content == report.content
    assert events(again, run) == [told[-1]]


def test_a_case_that_cannot_be_measured_tells_no_path(folder, serve):
    client, _ = serve()
    folder.save(folder.images[0], "second", LabelMap(np.ones((3, 4, 5), np.uint8), AFFINE))
    path = folder.store.label_path(folder.images[1], "second")
    path.write_bytes(path.read_bytes()[:40])
    run = client.post("/api/v1/qa", json=TAGS).json()["run"]
    assert ended(client, run)["failed"] == 3
    text = client.get(f"/api/v1/qa/{run}/results").text + client.get(f"/api/v1/qa/{run}/report").text
    assert f"second/{folder.images[1]}.nii.gz" in text
    assert not any(part in text for part in ("Doe", "Jane", ".maskwright", "../"))


def test_what_cannot_be_run_is_a_problem_and_leaves_nothing(folder, serve, tmp_path):
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
        found = client.post("/api/v1/qa", json=body)
        assert found.status_code == status, found.text
        assert part in found.json()["detail"]
        assert str(tmp_path) not in found.text
    for run in ("0" * 16, "..", "%2e%2e%2fqa", "x" * 16, "0" * 15):
        for ending in ("", "/report", "/results", "/events"):
            assert client.get(f"/api/v1/qa/{run}{ending}").status_code == 404
    assert client.get("/api/v1/qa").json() == {"runs": {}}
    assert not folder.runs.exists() or not list(folder.runs.iterdir())


def test_one_run_goes_on_some_wait_and_all_end_with_the_server(folder, sleepers):
    asked = Asked("first", "second")
    with QaRuns(folder.runs) as runs:
        first = runs.start(folder.store, asked)
        until(lambda: runs.record(first).done == 1)
        waiting = [runs.start(folder.store, asked) for _ in range(runs_module.WAITING)]
        with pytest.raises(CapacityError, match="8 runs wait"):
            runs.start(folder.store, asked)
        assert len(sleepers) == 1
        assert runs.record(first).state == "running"
        assert {runs.record(run).state for run in waiting} == {"waiting"}
        assert len(list(folder.runs.iterdir())) == 9
        with pytest.raises(MaskwrightError, match="running"):
            runs.output(first, "results.csv")
        group = sleepers[0].pid
    until(lambda: not group_is_there(group))
    assert len(sleepers) == 1
    found = QaRuns(folder.runs).all()
    assert set(found) == {first, *waiting}
    assert {(record.state, record.detail) for record in found.values()} == {("failed", runs_module.ENDED)}
    with pytest.raises(CapacityError, match="ending"):
        runs.start(folder.store, asked)


def test_a_process_that_is_killed_fails_its_run_and_the_next_one_begins(folder, sleepers):
    with QaRuns(folder.runs) as runs:
        first, second = (runs.start(folder.store, Asked("first", "second")) for _ in range(2))
        until(lambda: runs.record(first).done == 1)
        os.kill(sleepers[0].pid, signal.SIGKILL)
        until(lambda: runs.record(first).ended)
        assert "killed by 9" in runs.record(first).detail
        until(lambda: runs.record(second).state == "running")
        until(lambda: not group_is_there(sleepers[0].pid))


def test_the_process_ends_when_its_life_line_is_cut(folder):
    import subprocess
    import sys

    command = [sys.executable, "-m", "maskwright.engine.service.qa_runs.process", str(folder.path), "none.csv"]
    held = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen([*command, json.dumps({**TAGS})], **held) as process:
        assert b"cannot read the manifest" in process.stdout.read()
        assert process.wait(10) == 2
    program = (
        "import time, threading\nfrom maskwright.engine.service.qa_runs.process import _end_with_the_server as end\n"
    )
    program += "threading.Thread(target=end, daemon=True).start()\nprint('there', flush=True)\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], **held) as process:
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(10) == -9


def test_a_run_that_a_dead_server_left_is_told_as_failed(folder):
    run = "0123456789abcdef"
    place = folder.runs / run
    place.mkdir(parents=True)
    (folder.runs / "fedcba9876543210").mkdir()
    running = Record("running", 1, 3, 0)
    running.write(place)
    assert QaRuns(folder.runs).all() == {run: replace(running, state="failed", detail=runs_module.ENDED)}
    (place / "run.json").write_text('{"state": "done"')
    assert QaRuns(folder.runs).all() == {}
    shutil.rmtree(folder.runs)
    assert QaRuns(folder.runs).all() == {}


def test_a_process_that_says_nonsense_fails_its_run_and_the_next_one_begins(folder, monkeypatch):
    real = child_module.subprocess.Popen
    said = iter(["nonsense", '{"detail": "one line"}'])

    def start(command, **options):
        return real([command[0], "-c", f"print({next(said)!r}); raise SystemExit(2)"], **options)

    fake = SimpleNamespace(**{**vars(child_module.subprocess), "Popen": start})
    monkeypatch.setattr(child_module, "subprocess", fake)
    with QaRuns(folder.runs) as runs:
        started = [runs.start(folder.store, Asked("first", "second")) for _ in range(2)]
        until(lambda: all(runs.record(run).ended for run in started))
        assert [runs.record(run).detail for run in started] == ["unexpected JSONDecodeError", "one line"]
        assert {runs.record(run).state for run in started} == {"failed"}


@given(
    st.text(st.characters(exclude_characters="\0/\r\n", exclude_categories=["Cs", "Cc"]), min_size=1).map(
        lambda t: f"Ω{t}Ω"
    )
)
def test_a_folder_of_any_name_is_told_in_no_text(name):
    from markupsafe import escape

    folder = Path("/data") / name / "qa" / "0123"
    path = f"{folder}/../../labels/first/a-1.nii.gz"
    message = f"{path}: is truncated"
    drawn_together = " ".join(message.split())
    for text in (
        message,
        drawn_together,
        message.replace('"', '""'),
        str(escape(message)),
        str(escape(drawn_together)),
    ):
        assert unplaced(text, folder) == "first/a-1.nii.gz: is truncated"
    assert unplaced(f"No such file or directory: {folder}/missing/t/b", folder) == "no label is stored: t/b"
    assert "Ω" not in unplaced(f"another run writes into {folder}: wait", folder)
