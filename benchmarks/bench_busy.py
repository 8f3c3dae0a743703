"""Small pairs beside a busy process: with two threads compare must not take longer than with one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
from cases import organ_pair
from rows import Row, row_of_timings
from timing import Outcome, interleave, timed

NAME = "busy"
# Shape and labels of each; the larger one is just below the size from which compare uses more than one thread.
PAIRS = {"small": ((24, 64, 64), 20), "middle": ((64, 128, 128), 3)}
CASES = tuple(PAIRS)
SPACING_MM = (2.5, 0.8, 0.8)
ROUNDS = 200


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the rows of one case, on two cores of which another process keeps one busy."""
    import numba

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    shape, labels = PAIRS[case_name]
    masks = organ_pair(9, shape, labels, 0.15)
    before = numba.get_num_threads()
    contestants = {"one-thread": compare_with(masks, 1), "two-threads": compare_with(masks, min(2, before))}
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        found = interleave(contestants, rounds=5 if quick else ROUNDS)
    finally:
        other.kill()
        other.wait()
        numba.set_num_threads(before)
    return [row_of_timings(NAME, case_name, name, timings, "beside one") for name, timings in found.items()]


def compare_with(masks: tuple[np.ndarray, np.ndarray], threads: int) -> Callable[[], Outcome]:
    """Return a contestant that compares the masks with so many threads."""
    import numba

    from maskwright.engine.metrics.compare import compare

    clock = timed(lambda: compare(*masks, spacing_mm=SPACING_MM))

    def contestant() -> Outcome:
        numba.set_num_threads(threads)
        return clock()

    return contestant
