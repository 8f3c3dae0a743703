"""LocalExecutor: worker processes on this machine, one item in flight each.

A worker that the operating system kills takes only its own item with it. That item runs once more when all others
are done, alone, since the usual cause is memory; if its process dies again, its outcome is ``Lost``.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from maskwright.engine.jobs.executors.executor import Item, Lost, Result
from maskwright.errors import InputError
from maskwright.machine import usable_cores

_THREAD_LIMITS = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


def thread_limits(threads: int) -> dict[str, str]:
    """Return the environment that holds numba and the linear algebra libraries to so many threads."""
    return dict.fromkeys(_THREAD_LIMITS, str(threads))


class LocalExecutor:
    """Runs a function over items in worker processes of this machine.

    Parameters
    ----------
    workers : int, optional
        How many processes; by default one a core. The cores are shared out among them: a worker alone has them all.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"workers: expected a whole number >= 1, got {workers}")
        self._limit = workers or usable_cores()
        self._alive: set[_Worker] = set()
        self._idle: dict[int, list[_Worker]] = {}  # by their number of threads
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for worker in list(self._alive):
            worker.end()

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result | Lost]]:
        """Yield ``(index, outcome)`` in the order in which items finish; each index exactly once."""
        died: list[int] = []
        workers = min(self._limit, len(items))
        for index, outcome in self._run_beside(function, items, range(len(items)), workers):
            if isinstance(outcome, Lost):
                died.append(index)
            else:
                yield index, outcome
        if died:
            self._end_idle()  # alone means alone: their memory is wanted
        for index in died:
            yield from self._run_beside(function, items, [index], 1)

    def _run_beside(
        self, function: Callable[[Item], Result], items: Sequence[Item], indices: Sequence[int], workers: int
    ) -> Iterator[tuple[int, Result | Lost]]:
        waiting = deque(indices)
        finished: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        threads = max(1, usable_cores() // max(1, workers))

        def serve() -> None:
            worker: _Worker | None = None
            while not self._closed:
                try:
                    index = waiting.popleft()
                except IndexError:
                    break
                worker = worker or self._start(threads)
                outcome = worker.call(function, items[index])
                if isinstance(outcome, Lost):
                    self._retire(worker)
                    worker = None
                finished.put((index, outcome))
            if worker is not None:
                self._idle.setdefault(threads, []).append(worker)

        feeders = [threading.Thread(target=_report_errors, args=(serve, finished), daemon=True) for _ in range(workers)]
        for feeder in feeders:
            feeder.start()
        for _ in range(len(indices)):
            index, outcome = finished.get()
            if isinstance(outcome, _Raised):
                raise RuntimeError(outcome.trace)
            yield index, outcome
        for feeder in feeders:
            feeder.join()

    def _end_idle(self) -> None:
        for worker in [worker for workers in self._idle.values() for worker in workers]:
            self._retire(worker)
        self._idle.clear()

    def _start(self, threads: int) -> _Worker:
        idle = self._idle.get(threads)
        if idle:
            return idle.pop()
        worker = _Worker(threads)
        self._alive.add(worker)
        if self._closed:
            worker.end()
        return worker

    def _retire(self, worker: _Worker) -> None:
        worker.end()
        self._alive.discard(worker)


@dataclass(frozen=True)
class _Raised:
    """The function, or the thread that fed the worker, raised: the trace on its way to the caller."""

    trace: str


def _report_errors(serve: Callable[[], None], finished: queue.SimpleQueue[tuple[int, Any]]) -> None:
    try:
        serve()
    except Exception:  # a thread must not die in silence: the caller waits for it
        finished.put((-1, _Raised(traceback.format_exc())))


class _Worker:
    """One worker process and the pipe to it."""

    def __init__(self, threads: int) -> None:
        command = [sys.executable, "-P", "-m", "maskwright.engine.jobs.executors.worker"]
        environment = {**os.environ, **thread_limits(threads)}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._function: Callable[[Any], Any] | None = None

    def call(self, function: Callable[[Item], Result], item: Item) -> Result | Lost | _Raised:
        """Run one item; ``Lost`` where the process died. A function is sent once, since it may hold a whole job."""
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        request = pickle.dumps((None if function is self._function else function, item))
        self._function = function
        try:
            pipe_in.write(request)
            pipe_in.flush()
            returned, value = pickle.load(pipe_out)  # noqa: S301 - written by our own worker process
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            return Lost(f"its process {_exit_reason(self._process.wait())}")
        return value if returned else _Raised(value)

    def end(self) -> None:
        """Kill the process and close the pipe; harmless when it has ended."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _exit_reason(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name if -status in signal.valid_signals() else f"signal {-status}"
    return f"was killed by {name}" + (", most often for lack of memory" if name == "SIGKILL" else "")
