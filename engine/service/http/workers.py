"""Threads in which masks and numbers are computed: as many as there are cores, each of which keeps to one.

They are the same few threads all the time: OpenMP keeps a team for every thread that ever asks it to work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import TypeVar

import anyio.to_thread

from maskwright.engine.service.budget.request_context import require_present
from maskwright.machine import usable_cores

R = TypeVar("R")


async def run_in_worker(work: Callable[[], R]) -> R:
    """Return the result of some work; others are answered meanwhile.

    Raises
    ------
    GoneError
        The client had gone before the work began.
    """

    def begin() -> R:
        require_present()
        return work()

    return await asyncio.get_running_loop().run_in_executor(_threads(), copy_context().run, begin)


async def in_thread(work: Callable[[], R]) -> R:
    """Return the result of some work that waits more than it computes, done in a thread of another pool.

    Raises
    ------
    GoneError
        The client had gone before the work began.
    """

    def begin() -> R:
        require_present()
        return work()

    return await anyio.to_thread.run_sync(begin)


def stop_workers() -> None:
    """Let the threads end with the work they do; none is begun any more."""
    _threads().shutdown(wait=False, cancel_futures=True)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="computing", initializer=_keep_to_one_core)


def _keep_to_one_core() -> None:
    import numba

    numba.set_num_threads(1)
