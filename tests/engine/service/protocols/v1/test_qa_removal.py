"""Runs are cancelled and removed: nothing of a process is left, nothing of a folder, and no folder grows for ever."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maskwright.engine.service.qa_runs import Asked, QaRuns, Record, stored
from maskwright.engine.service.qa_runs import runs as runs_module
from maskwright.errors import CapacityError, NotFoundError, StorageError
from reference.qa_runs import TAGS, ended, events, group_is_there, group_of, until

ASKED = Asked("first", "second")


def children_of_this_process():
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def test_a_run_is_cancelled_in_the_middle_and_then_removed(folder, serve, monkeypatch):
    client, _ = serve()
    before = children_of_this_process()
    run = client.post("/api/v1/qa", json=TAGS).json()["run"]
    until(lambda: client.get(f"/api/v1/qa/{run}").json()["state"] == "running")
    (process,) = children_of_this_process() - before
    assert group_of(process) == process
    told = []
    with ThreadPoolExecutor(1) as pool, client.stream("GET", f"/api/v1/qa/{run}/events") as answer:
        lines = answer.iter_lines()
        told.append(next(lines))
        assert pool.submit(client.delete, f"/api/v1/qa/{run}").result().json() == {"was": "cancelled"}
        assert children_of_this_process() == before  # reaped: no zombie
        assert not group_is_there(process)
        told.extend(lines)
    last = json.loads([line for line in told if line][-1].removeprefix("data: "))
    assert (last["state"], last["detail"], last["total"]) == ("cancelled", "the run was cancelled", 3)
    assert client.get(f"/api/v1/qa/{run}").json() == last
    assert events(client, run) == [last]
    assert client.get(f"/api/v1/qa/{run}/report").status_code == 404
    assert QaRuns(folder.runs).record(run) == Record(**last)  # on the disk
    assert not (folder.runs / run / "parts").exists()
    assert client.delete(f"/api/v1/qa/{run}").json() == {"was": "removed"}
    assert client.delete(f"/api/v1/qa/{run}").status_code == 404
    assert not list(folder.runs.iterdir())
    following = client.post("/api/v1/qa", json=TAGS).json()["run"]
    assert ended(client, following)["state"] == "done"  # the next one goes on as ever


def test_a_run_that_is_done_goes_with_its_report(folder, serve):
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


def test_a_run_that_waits_is_cancelled_and_the_one_that_goes_on_is_not_touched(folder, sleepers):
    with QaRuns(folder.runs) as runs:
        first, second, third = (runs.start(folder.store, ASKED) for _ in range(3))
        until(lambda: runs.record(first).done == 1)
        assert runs.remove(second) == "cancelled"
        assert runs.record(second) == Record("cancelled", 0, 3, 0, runs_module.CANCELLED)
        assert runs.record(first).state == "running"
        assert group_is_there(sleepers[0].pid)
        assert runs.remove(first) == "cancelled"
        assert not group_is_there(sleepers[0].pid)
        assert runs.record(first) == Record("cancelled", 1, 3, 0, runs_module.CANCELLED)
        until(lambda: runs.record(third).done == 1)
        assert len(sleepers) == 2
    assert {name: record.state for name, record in QaRuns(folder.runs).all().items()} == {
        first: "cancelled",
        second: "cancelled",
        third: "failed",
    }


def test_many_who_remove_at_once_do_it_once_each(folder, sleepers):
    with QaRuns(folder.runs) as runs, ThreadPoolExecutor(6) as pool:
        started = [runs.start(folder.store, ASKED) for _ in range(4)]
        until(lambda: runs.record(started[0]).done == 1)
        barrier = threading.Barrier(6)

        def remove(_):
            barrier.wait()
            said = []
            for run in started:
                try:
                    said.append(runs.remove(run))
                except NotFoundError:
                    said.append("gone")
            return said

        found = list(pool.map(remove, range(6)))
        for per_run in zip(*found, strict=True):
            assert sorted(per_run) == ["cancelled", "gone", "gone", "gone", "gone", "removed"]
        assert not list(folder.runs.iterdir())
        assert runs.all() == {}


def test_a_run_removed_under_its_watchers_ends_their_stream(serve, sleepers, monkeypatch):
    client, runs = serve()
    run = client.post("/api/v1/qa", json=TAGS).json()["run"]
    until(lambda: runs.record(run).done == 1)
    monkeypatch.setattr("maskwright.engine.service.protocols.v1.qa.LOOK_S", 0.5)
    with client.stream("GET", f"/api/v1/qa/{run}/events") as answer:
        lines = answer.iter_lines()
        first = json.loads(next(lines).removeprefix("data: "))
        assert (runs.remove(run), runs.remove(run)) == ("cancelled", "removed")
        (last,) = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    assert last == {**first, "state": "cancelled", "detail": "the run was removed"}


def test_a_process_that_does_not_go_is_said_and_the_run_is_cancelled_when_it_has(folder, sleepers, monkeypatch):
    monkeypatch.setattr(runs_module, "KILLED_S", 0.1)
    stuck = threading.Event()
    real = runs_module.Child.end

    def end(child):
        stuck.wait(20)
        return real(child)

    monkeypatch.setattr(runs_module.Child, "end", end)
    with QaRuns(folder.runs) as runs:
        run = runs.start(folder.store, ASKED)
        until(lambda: runs.record(run).done == 1)
        with pytest.raises(CapacityError, match="not gone yet"):
            runs.remove(run)
        assert runs.record(run).state == "running"
        stuck.set()
        until(lambda: runs.record(run).ended)
        assert runs.record(run).state == "cancelled"


def test_the_oldest_that_have_ended_are_removed(folder, sleepers, monkeypatch):
    monkeypatch.setattr(stored, "KEPT", 3)
    names = [f"{number:016x}" for number in range(6)]
    for number, name in enumerate(reversed(names)):
        (folder.runs / name).mkdir(parents=True)
        Record("done", 1, 1, 0).write(folder.runs / name)
        os.utime(folder.runs / name / "run.json", (1000 + number, 1000 + number))
    (folder.runs / ("f" * 16)).mkdir()  # a folder without a record
    with QaRuns(folder.runs) as runs:
        going = [runs.start(folder.store, ASKED) for _ in range(4)]
        assert set(runs.all()) == {*names[:3], *going}
        assert {path.name for path in folder.runs.iterdir()} == {*names[:3], *going}
    assert stored.KEPT == 3


def test_the_newest_run_stays_though_the_clock_was_set_back(folder, sleepers, monkeypatch):
    monkeypatch.setattr(stored, "KEPT", 2)
    for number in range(2):
        place = folder.runs / f"{number:016x}"
        place.mkdir(parents=True)
        Record("done", 1, 1, 0).write(place)
        os.utime(place / "run.json", (4e9 + number, 4e9 + number))  # in the year 2096
    with QaRuns(folder.runs) as runs:
        first = runs.start(folder.store, ASKED)
        runs.remove(first)
        second = runs.start(folder.store, ASKED)
        assert set(runs.all()) == {f"{1:016x}", first, second}


def test_what_a_killed_server_was_making_or_removing_is_gone_at_the_next_start(folder, sleepers):
    """A child stands in for the server; it is killed between the rename and the removal of the files."""
    with QaRuns(folder.runs) as runs:
        run, other = (runs.start(folder.store, ASKED) for _ in range(2))
    killed = os.fork()
    if not killed:
        try:
            stored.shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), 9)
            QaRuns(folder.runs).remove(run)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1]) == -9
    left = sorted(path.name for path in folder.runs.iterdir())
    assert left != [other]
    assert len(left) == 2
    (folder.runs / ".unfinished-0-0123456789abcdef").mkdir()
    found = QaRuns(folder.runs)
    assert [path.name for path in folder.runs.iterdir()] == [other]
    assert set(found.all()) == {other}
    with pytest.raises(NotFoundError):
        found.remove(run)
    assert found.remove(other) == "removed"  # what a dead server left behind has ended
    assert not list(folder.runs.iterdir())


def test_a_disk_that_cannot_be_written_to_keeps_the_run(folder, sleepers, monkeypatch):
    with QaRuns(folder.runs) as runs:
        run = runs.start(folder.store, ASKED)
    record = Record.read(folder.runs / run)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored.Path, "rename", full)
    with pytest.raises(StorageError, match="No space left on device") as raised:
        runs.remove(run)
    assert str(folder.path) not in str(raised.value)
    assert runs.record(run) == record
    with QaRuns(folder.runs) as others:
        with pytest.raises(StorageError, match="No space left"):
            others.start(folder.store, ASKED)
        assert set(others.all()) == {run}
    assert [path.name for path in folder.runs.iterdir()] == [run]
