"""The local executor: every item once, a killed worker loses only its own item, nothing stays behind.

The functions under test must be importable in the worker, so they are built-ins: ``eval`` runs any expression.
"""

import os
import pickle
import subprocess
import sys
import time

import pytest

from maskwright.engine.jobs.executors.executor import Lost
from maskwright.engine.jobs.executors.local import LocalExecutor
from maskwright.errors import InputError
from maskwright.machine import usable_cores

KILLED = "__import__('os').kill(__import__('os').getpid(), 9)"


def outcomes(expressions: list[str], workers: int = 2) -> dict[int, object]:
    with LocalExecutor(workers) as executor:
        pairs = list(executor.run(eval, expressions))
    assert len({index for index, _ in pairs}) == len(pairs)
    return dict(pairs)


def test_every_item_comes_back_once() -> None:
    assert outcomes([f"{n} * {n}" for n in range(20)]) == {n: n * n for n in range(20)}


def test_no_items_start_no_process() -> None:
    assert outcomes([]) == {}


def test_a_killed_worker_loses_only_its_own_item() -> None:
    results = outcomes(["1", KILLED, "2", "3", "4"])
    lost = results.pop(1)
    assert results == {0: 1, 2: 2, 3: 3, 4: 4}
    assert isinstance(lost, Lost)
    assert "SIGKILL" in lost.reason
    assert "memory" in lost.reason


def test_an_exiting_worker_is_lost_with_its_status() -> None:
    lost = outcomes(["__import__('os')._exit(7)"])[0]
    assert isinstance(lost, Lost)
    assert "status 7" in lost.reason


def test_an_item_of_a_dead_worker_runs_once_more(tmp_path: object) -> None:
    flag = f"{tmp_path}/died"
    dies_once = f"__import__('os').path.exists({flag!r}) or (open({flag!r}, 'w').close(), {KILLED})"
    assert outcomes([dies_once, "2"]) == {0: True, 1: 2}


def test_prints_of_a_library_do_not_reach_the_replies() -> None:
    assert outcomes(["print('noise') or 5"]) == {0: 5}


@pytest.mark.parametrize("workers", [1, 2])
def test_the_cores_are_shared_out(workers: int) -> None:
    threads = outcomes(["__import__('os').environ['NUMBA_NUM_THREADS']"] * 4, workers)
    assert set(threads.values()) == {str(max(1, usable_cores() // workers))}


def test_an_error_of_the_function_reaches_the_caller() -> None:
    with LocalExecutor(1) as executor, pytest.raises(RuntimeError, match="ZeroDivisionError"):
        list(executor.run(eval, ["1 / 0"]))


def test_leaving_in_the_middle_ends_the_processes() -> None:
    with LocalExecutor(2) as executor:
        running = executor.run(eval, ["__import__('os').getpid()", *["__import__('time').sleep(60)"] * 4])
        _, pid = next(running)
    assert isinstance(pid, int)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the worker still runs")


def test_a_second_run_has_the_same_processes() -> None:
    with LocalExecutor(1) as executor:
        first, second = (list(executor.run(eval, ["__import__('os').getpid()"])) for _ in range(2))
    assert first == second


def test_workers_must_be_positive() -> None:
    with pytest.raises(InputError, match="workers"):
        LocalExecutor(0)


def test_a_worker_whose_parent_was_killed_ends_in_silence() -> None:
    command = [sys.executable, "-m", "maskwright.engine.jobs.executors.worker"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stderr is not None
    worker.stdout.close()
    worker.stdin.write(pickle.dumps((eval, "5")))
    worker.stdin.close()
    assert worker.stderr.read() == b""
    worker.stderr.close()
    assert worker.wait(timeout=30) == 1
