"""The time to read both arrays from memory once, on all cores: nothing that looks at every voxel can be faster."""

from __future__ import annotations

import numba
import numpy as np
from cases import Case


@numba.njit(parallel=True, cache=True)
def _add(words):  # type: ignore[no-untyped-def]
    total = np.uint64(0)
    for k in numba.prange(len(words)):
        total += words[k]
    return total


def read_both(case: Case) -> int:
    """Add up all 64-bit words of both arrays (a tail of fewer than eight bytes is left out)."""
    total = 0
    for array in (case.reference, case.prediction):
        flat = array.reshape(-1).view(np.uint8)
        total += int(_add(flat[: len(flat) // 8 * 8].view(np.uint64)))
    return total
