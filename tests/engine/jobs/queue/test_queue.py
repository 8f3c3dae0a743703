"""JobQueue: one run at a time; runs are cancelled, removed and read again, and no process or folder is left over."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from maskwright.engine.jobs.queue import child as child_module
from maskwright.engine.jobs.queue import queue as queue_module
from maskwright.engine.jobs.queue import run_folders
from maskwright.engine.jobs.queue.queue import JobQueue
from maskwright.engine.jobs.record import RunRecord
from maskwright.errors import CapacityError, MaskwrightError, NotFoundError, StorageError
from support.lengths_job import LengthsJob
from support.processes import group_is_there, until

JOB = LengthsJob(("one", "two", "three"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs"


def test_a_job_runs_to_its_outputs(folder):
    with JobQueue(folder) as runs:
        run = runs.start(LengthsJob(("one", "!two")))
        until(lambda: runs.record(run).ended)
        failed = "1 of 2 cases failed; the report names them"
        assert runs.record(run) == RunRecord("done", 2, 2, 1, failed)
        assert runs.output(run, "lengths.txt").read_text() == "[('one', 3)]"
    assert sorted(path.name for path in (folder / run).iterdir()) == ["lengths.txt", "run.json"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, folder / run, *(folder / run).iterdir()])
    assert JobQueue(folder).all() == {run: RunRecord("done", 2, 2, 1, failed)}


def test_one_run_goes_on_and_all_end_with_the_server(folder, sleepers):
    with JobQueue(folder) as runs:
        first = runs.start(JOB)
        until(lambda: runs.record(first).done == 1)
        waiting = [runs.start(JOB) for _ in range(queue_module.MOST_WAITING)]
        with pytest.raises(CapacityError, match="8 runs wait"):
            runs.start(JOB)
        assert len(sleepers) == 1
        assert runs.record(first).state == "running"
        assert {runs.record(run).state for run in waiting} == {"waiting"}
        assert len(list(folder.iterdir())) == 9
        with pytest.raises(MaskwrightError, match="running"):
            runs.output(first, "lengths.txt")
        group = sleepers[0].pid
    until(lambda: not group_is_there(group))
    assert len(sleepers) == 1
    records = JobQueue(folder).all()
    assert set(records) == {first, *waiting}
    assert {(record.state, record.detail) for record in records.values()} == {("failed", queue_module.ENDED)}
    with pytest.raises(CapacityError, match="ending"):
        runs.start(JOB)


def test_a_killed_process_fails_its_run(folder, sleepers):
    with JobQueue(folder) as runs:
        first, second = (runs.start(JOB) for _ in range(2))
        until(lambda: runs.record(first).done == 1)
        os.kill(sleepers[0].pid, signal.SIGKILL)
        until(lambda: runs.record(first).ended)
        assert "killed by 9" in runs.record(first).detail
        until(lambda: runs.record(second).state == "running")
        until(lambda: not group_is_there(sleepers[0].pid))


def start_process(folder, program=("-m", "maskwright.engine.jobs.queue.process")):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, *program], cwd=folder, start_new_session=True, **pipes)


def test_a_job_that_cannot_run_has_a_reason(tmp_path):
    (tmp_path / "parts").touch()
    with start_process(tmp_path) as process:
        process.stdin.write(pickle.dumps(JOB))
        process.stdin.flush()
        output = process.stdout.read()
        assert process.wait(10) == 2
    assert output == b'{"detail": "cannot make the output folder .: File exists"}\n'


def test_the_process_ends_with_its_server(tmp_path):
    program = "import threading, time; from maskwright.engine.jobs.queue.process import end_with_server as end\n"
    program += "threading.Thread(target=end, daemon=True).start(); print('there', flush=True); time.sleep(60)"
    with start_process(tmp_path, ("-c", program)) as process:
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(10) == -9


def test_the_process_ends_when_its_server_dies_before_the_job_is_sent(tmp_path):
    with start_process(tmp_path) as process:
        process.stdin.write(pickle.dumps(JOB)[:-5])
        process.stdin.close()
        assert process.wait(20) == 1
    assert not list(tmp_path.iterdir())


def test_a_run_of_a_dead_server_has_failed(folder):
    run = "0123456789abcdef"
    path = folder / run
    path.mkdir(parents=True)
    (folder / "fedcba9876543210").mkdir()
    running = RunRecord("running", 1, 3, 0)
    running.write(path)
    assert JobQueue(folder).all() == {run: replace(running, state="failed", detail=queue_module.ENDED)}
    (path / "run.json").write_text('{"state": "done"')
    assert JobQueue(folder).all() == {}
    shutil.rmtree(folder)
    assert JobQueue(folder).all() == {}


def test_nonsense_of_a_process_fails_its_run(folder, monkeypatch):
    real = child_module.subprocess.Popen
    lines = iter(["nonsense", '{"detail": "one line"}'])

    def start(command, **options):
        return real([command[0], "-c", f"print({next(lines)!r}); raise SystemExit(2)"], **options)

    fake = SimpleNamespace(**{**vars(child_module.subprocess), "Popen": start})
    monkeypatch.setattr(child_module, "subprocess", fake)
    with JobQueue(folder) as runs:
        started = [runs.start(JOB) for _ in range(2)]
        until(lambda: all(runs.record(run).ended for run in started))
        assert [runs.record(run).detail for run in started] == ["unexpected JSONDecodeError", "one line"]
        assert {runs.record(run).state for run in started} == {"failed"}


def test_a_waiting_run_is_cancelled_alone(folder, sleepers):
    with JobQueue(folder) as runs:
        first, second, third = (runs.start(JOB) for _ in range(3))
        until(lambda: runs.record(first).done == 1)
        assert runs.remove(second) == "cancelled"
        assert runs.record(second) == RunRecord("cancelled", 0, 3, 0, queue_module.CANCELLED)
        assert runs.record(first).state == "running"
        assert group_is_there(sleepers[0].pid)
        assert runs.remove(first) == "cancelled"
        assert not group_is_there(sleepers[0].pid)
        assert runs.record(first) == RunRecord("cancelled", 1, 3, 0, queue_module.CANCELLED)
        until(lambda: runs.record(third).done == 1)
        assert len(sleepers) == 2
    assert {name: record.state for name, record in JobQueue(folder).all().items()} == {
        first: "cancelled",
        second: "cancelled",
        third: "failed",
    }


def test_concurrent_removals_happen_once(folder, sleepers):
    with JobQueue(folder) as runs, ThreadPoolExecutor(6) as pool:
        started = [runs.start(JOB) for _ in range(4)]
        until(lambda: runs.record(started[0]).done == 1)
        barrier = threading.Barrier(6)

        def remove(_):
            barrier.wait()
            answers = []
            for run in started:
                try:
                    answers.append(runs.remove(run))
                except NotFoundError:
                    answers.append("gone")
            return answers

        answers = list(pool.map(remove, range(6)))
        for per_run in zip(*answers, strict=True):
            assert sorted(per_run) == ["cancelled", "gone", "gone", "gone", "gone", "removed"]
        assert not list(folder.iterdir())
        assert runs.all() == {}


def test_a_process_slow_to_end_is_reported(folder, sleepers, monkeypatch):
    monkeypatch.setattr(queue_module, "KILL_TIMEOUT_S", 0.1)
    stuck = threading.Event()
    real = queue_module.Child.end

    def end(child):
        stuck.wait(20)
        return real(child)

    monkeypatch.setattr(queue_module.Child, "end", end)
    with JobQueue(folder) as runs:
        run = runs.start(JOB)
        until(lambda: runs.record(run).done == 1)
        with pytest.raises(CapacityError, match="not gone yet"):
            runs.remove(run)
        assert runs.record(run).state == "running"
        stuck.set()
        until(lambda: runs.record(run).ended)
        assert runs.record(run).state == "cancelled"


def test_the_oldest_ended_runs_are_removed(folder, sleepers, monkeypatch):
    monkeypatch.setattr(run_folders, "MOST_ENDED", 3)
    names = [f"{number:016x}" for number in range(6)]
    for number, name in enumerate(reversed(names)):
        (folder / name).mkdir(parents=True)
        RunRecord("done", 1, 1, 0).write(folder / name)
        os.utime(folder / name / "run.json", (1000 + number, 1000 + number))
    (folder / ("f" * 16)).mkdir()  # a folder without a record
    with JobQueue(folder) as runs:
        going = [runs.start(JOB) for _ in range(4)]
        assert set(runs.all()) == {*names[:3], *going}
        assert {path.name for path in folder.iterdir()} == {*names[:3], *going}
    assert run_folders.MOST_ENDED == 3


def test_the_newest_run_stays_when_the_clock_was_set_back(folder, sleepers, monkeypatch):
    monkeypatch.setattr(run_folders, "MOST_ENDED", 2)
    for number in range(2):
        path = folder / f"{number:016x}"
        path.mkdir(parents=True)
        RunRecord("done", 1, 1, 0).write(path)
        os.utime(path / "run.json", (4e9 + number, 4e9 + number))  # in the year 2096
    with JobQueue(folder) as runs:
        first = runs.start(JOB)
        runs.remove(first)
        second = runs.start(JOB)
        assert set(runs.all()) == {f"{1:016x}", first, second}


def test_incomplete_runs_are_removed_at_the_start(folder, sleepers):
    """A child stands in for the server; it is killed between the removal of the record and that of the other files."""
    with JobQueue(folder) as runs:
        run, other = (runs.start(JOB) for _ in range(2))
    killed = os.fork()
    if not killed:
        try:
            run_folders.shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), 9)
            JobQueue(folder).remove(run)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1]) == -9
    assert sorted(path.name for path in folder.iterdir()) == sorted([run, other])
    assert not (folder / run / "run.json").exists()
    (folder / ".unfinished-0-0123456789abcdef").mkdir()
    next_queue = JobQueue(folder)
    assert [path.name for path in folder.iterdir()] == [other]
    assert set(next_queue.all()) == {other}
    with pytest.raises(NotFoundError):
        next_queue.remove(run)
    assert next_queue.remove(other) == "removed"  # a run of a dead server has ended
    assert not list(folder.iterdir())


def test_a_full_disk_keeps_the_run(folder, sleepers, monkeypatch):
    with JobQueue(folder) as runs:
        run = runs.start(JOB)
    record = RunRecord.read(folder / run)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_folders.Path, "unlink", full)
    monkeypatch.setattr(run_folders.Path, "replace", full)
    with pytest.raises(StorageError, match="No space left on device") as raised:
        runs.remove(run)
    assert str(folder) not in str(raised.value)
    assert runs.record(run) == record
    with JobQueue(folder) as others:
        with pytest.raises(StorageError, match="No space left"):
            others.start(JOB)
        assert set(others.all()) == {run}
    assert [path.name for path in folder.iterdir()] == [run]
