"""RayExecutor: Ray tasks on this machine or on a cluster. The one file that imports ray.

Starting Ray costs seconds, so it is never the default. Files are read where the work runs: on a cluster the paths of
the manifest must lead to the same files on every node, and Maskwright must be installed there.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from maskwright.engine.jobs.executors.executor import Item, Lost, Result
from maskwright.engine.jobs.executors.local import thread_limits
from maskwright.errors import InputError, MissingExtraError
from maskwright.machine import usable_cores

_AHEAD = 2  # tasks in flight for each core, so that none waits for the driver


class RayExecutor:
    """Runs a function over items as Ray tasks of one core each.

    Parameters
    ----------
    address : str, optional
        The address of a running cluster, or ``auto``; without it Ray is started here and stopped at the end.
    workers : int, optional
        Cores to use when Ray is started here (default: all), or tasks at a time on a cluster (default: its cores).
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"workers: expected a whole number >= 1, got {workers}")
        self._address = address
        self._workers = workers
        self._ray: Any = None

    def __enter__(self) -> Self:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no report on the use of masks leaves the machine
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError("ray", "cluster") from error
        _require_answer(self._address)
        quiet = {"include_dashboard": False, "num_cpus": self._workers or usable_cores()}
        try:
            # A worker of one core would still give numba and the linear algebra libraries every core.
            ray.init(
                address=self._address or "local",
                runtime_env={"env_vars": thread_limits(1)},
                log_to_driver=False,
                logging_level="warning",
                **({} if self._address else quiet),
            )
        except ConnectionError as error:
            raise InputError(f"no Ray cluster answers at {self._address}: {str(error).splitlines()[0]}") from error
        self._ray = ray
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result | Lost]]:
        """Yield ``(index, outcome)`` in the order in which items finish; each index exactly once."""
        ray = self._ray
        cores = self._workers or int(ray.cluster_resources().get("CPU", 1))
        task = ray.remote(num_cpus=1, max_retries=1)(_as_function(function))
        waiting = iter(enumerate(items))
        running: dict[Any, int] = {}
        while True:
            while len(running) < _AHEAD * cores and (following := next(waiting, None)) is not None:
                index, item = following
                running[task.remote(item)] = index
            if not running:
                return
            (done,), _ = ray.wait(list(running), num_returns=1)
            index = running.pop(done)
            try:
                outcome: Result | Lost = ray.get(done)
            except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError):
                outcome = Lost("its Ray worker died twice, most often for lack of memory")
            yield index, outcome


def _require_answer(address: str | None) -> None:
    """Refuse an address where nothing listens: Ray itself would try for minutes."""
    port = re.search(r"([^/\[\]]+):(\d+)$", address or "")
    if port is None:
        return
    try:
        socket.create_connection((port[1], int(port[2])), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"no Ray cluster answers at {address}: {error}") from error


def _as_function(function: Callable[[Item], Result]) -> Callable[[Item], Result]:
    """Return a plain function: Ray takes neither built-ins nor partials."""

    def call(item: Item) -> Result:
        return function(item)

    return call
