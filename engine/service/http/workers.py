"""Threads in which masks and numbers are computed: as many as there are cores, each of which keeps to one.

They are the same few threads all the time: OpenMP keeps a team of its own for every thread that ever asks it to work.
None of them waits for a session that is at work: what is to be done in it is put off, and others are served meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import TypeVar

import anyio.to_thread

from maskwright.engine.service.budget.request_context import require_present
from maskwright.errors import CapacityError
from maskwright.machine import usable_cores

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.05
_HERE = threading.local()

R = TypeVar("R")


class PutOffError(CapacityError):
    """What work begins with is not free; nothing was done."""


async def run_in_worker(work: Callable[[], R]) -> R:
    """Return what some work comes to; others are answered meanwhile.

    Work that begins with a session that is busy is begun again a little later.

    Raises
    ------
    GoneError
        The client had gone before the work began.
    """
    context, pause = copy_context(), FIRST_PAUSE_S

    def begin() -> R:
        require_present()
        return work()

    while True:
        try:
            return await asyncio.get_running_loop().run_in_executor(_threads(), context.run, begin)
        except PutOffError:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)


async def in_thread(work: Callable[[], R]) -> R:
    """Return what some work comes to, done in a thread so that others are answered meanwhile.

    Raises
    ------
    GoneError
        The client had gone before the work began.
    """

    def begin() -> R:
        require_present()
        return work()

    return await anyio.to_thread.run_sync(begin)


def take_no_more() -> None:
    """Let the threads end when what they do is done; nothing is begun any more."""
    _threads().shutdown(wait=False, cancel_futures=True)


def may_wait() -> bool:
    """Whether this thread may wait for what may take long: it is none of those that compute."""
    return not getattr(_HERE, "computes", False)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="computing", initializer=_keep_to_one_core)


def _keep_to_one_core() -> None:
    import numba

    _HERE.computes = True
    numba.set_num_threads(1)
