"""Kernels compiled one way, and run in parts, each in a thread of its own.

A kernel that runs in threads is a worker ``worker(part, parts, ...)``, which does its share of the work and holds no
lock of the interpreter. There is no ``parallel=True``: its threads wait by spinning, which beside another busy process
makes two of them slower than one, and every parallel loop compiles all that it calls a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numba import get_num_threads, njit

# NumPy's rules of division need no branch that raises.
kernel = njit(cache=True, nogil=True, error_model="numpy")
# Of functions that allocate nothing and are called so often that counting references would cost more than their work.
leaf_kernel = njit(cache=True, nogil=True, error_model="numpy", _nrt=False)


def thread_count(work: int, least: int) -> int:
    """Return the number of threads for ``work`` units: as many as Numba may use, but each with ``least`` units to do.

    Small inputs use one thread. ``least`` is one to two ms of work: beside other busy processes a second thread waits
    for a core, and much shorter work would be done sooner by one.
    """
    parts = work // least
    return min(parts, int(get_num_threads())) if parts > 1 else 1


def run_in_parts(worker: Callable[..., None], parts: int, *arguments: Any) -> None:
    """Call ``worker(part, parts, *arguments)`` for each part, and return when all are done."""
    if parts == 1:
        worker(0, 1, *arguments)
        return
    with ThreadPoolExecutor(parts - 1) as pool:
        others = [pool.submit(worker, part, parts, *arguments) for part in range(1, parts)]
        worker(0, parts, *arguments)
    for other in others:
        other.result()
