"""Threads in which masks and numbers are computed: as many as there are cores, each of which keeps to one.

They are the same few threads all the time: OpenMP keeps a team of its own for every thread that ever asks it to work.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

R = TypeVar("R")


async def computed(work: Callable[[], R]) -> R:
    """Return what some work comes to; others are answered meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), work)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="computing", initializer=_keep_to_one_core)


def _keep_to_one_core() -> None:
    import numba

    numba.set_num_threads(1)
