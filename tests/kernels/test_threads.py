"""Work in parts: small work on the thread at hand, larger work on one thread a part."""

import threading

import numba
import pytest

from maskwright.kernels.threads import run_in_parts, thread_count


@pytest.fixture
def two_threads():
    before = numba.get_num_threads()
    if before < 2:
        pytest.skip("numba may use one thread only")
    numba.set_num_threads(2)
    yield
    numba.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("work", "threads"), [(0, 1), (9, 1), (19, 1), (20, 2), (10_000, 2)])
def test_each_thread_has_the_least_work(work, threads):
    assert thread_count(work, 10) == threads


@pytest.mark.usefixtures("two_threads")
def test_no_more_threads_than_numba_may_use():
    numba.set_num_threads(1)
    assert thread_count(10_000, 10) == 1


def test_every_part_is_done_once_in_a_thread_of_its_own():
    barrier, calls = threading.Barrier(3, timeout=60), []

    def worker(part, parts, factor):
        barrier.wait()  # all three at the same time
        calls.append((part, parts, factor))

    run_in_parts(worker, 3, 7)
    assert sorted(calls) == [(0, 3, 7), (1, 3, 7), (2, 3, 7)]


def test_one_part_is_done_on_the_thread_at_hand():
    threads = []
    run_in_parts(lambda part, parts: threads.append(threading.current_thread()), 1)
    assert threads == [threading.current_thread()]


@pytest.mark.parametrize("bad", [0, 2])
def test_the_error_of_a_part_is_raised(bad):
    def worker(part, parts):
        if part == bad:
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        run_in_parts(worker, 3)


def test_openmp_waits_passively_unless_told_otherwise():
    import os
    import subprocess
    import sys

    code = "import numba, maskwright.kernels, os; print(os.environ['OMP_WAIT_POLICY'])"
    for given, expected in ((None, "passive"), ("active", "active")):
        environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
        environment |= {} if given is None else {"OMP_WAIT_POLICY": given}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
