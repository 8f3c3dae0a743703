"""The Ray executor, on a Ray of two cores started here, once: it costs about ten seconds."""

import socket
import sys
from functools import partial

import pytest

from maskwright.engine.jobs.case import CaseTask, run_case
from maskwright.engine.jobs.executors.executor import Lost
from maskwright.engine.jobs.executors.ray_cluster import RayExecutor
from maskwright.errors import InputError, MissingExtraError
from support.lengths_job import LengthsJob

KILLED = "__import__('os').kill(__import__('os').getpid(), 9)"


def test_items_threads_and_a_killed_worker() -> None:
    pytest.importorskip("ray")
    with RayExecutor(workers=2) as executor:
        results = dict(
            executor.run(eval, ["6 * 7", "__import__('os').environ['NUMBA_NUM_THREADS']", KILLED, *["1"] * 6])
        )
        job = LengthsJob(("one", "!two"))
        tasks = [CaseTask(case) for case in job.cases()]
        outcomes = dict(executor.run(partial(run_case, job, "code"), tasks))
    assert outcomes[0] == run_case(job, "code", tasks[0])
    assert outcomes[1].reason.startswith("unexpected ValueError")
    lost = results.pop(2)
    assert results == {0: 42, 1: "1", **dict.fromkeys(range(3, 9), 1)}
    assert isinstance(lost, Lost)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"maskwright\[cluster\]"), RayExecutor():
        pass


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nothing_listens_is_refused_at_once(scheme: str) -> None:
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"{scheme}127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(InputError, match="no Ray cluster answers"), RayExecutor(address):
            pass


def test_workers_must_be_positive() -> None:
    with pytest.raises(InputError, match="workers"):
        RayExecutor(workers=0)
