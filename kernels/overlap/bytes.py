"""The joint histogram of two uint8 arrays: a table of all 65,536 pairs, filled without a branch a voxel."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from maskwright.kernels.overlap.blocks import LONG, SHORT, is_uniform

_SMALLEST_PART = 4096


def count_byte_pairs(
    first: NDArray[np.uint8], second: NDArray[np.uint8]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Count pairs of two equally long, contiguous vectors; keys are ``first << 32 | second``, sorted."""
    parts = max(1, min(get_num_threads(), first.size // _SMALLEST_PART))
    counts = _count_parts(first, second, parts)
    found = np.flatnonzero(counts).astype(np.uint64)
    return ((found >> np.uint64(8)) << np.uint64(32)) | (found & np.uint64(0xFF)), counts[found.astype(np.intp)]


@njit(parallel=True, cache=True)
def _count_parts(first, second, parts):  # type: ignore[no-untyped-def]
    # Two tables a part, for even and odd voxels: the same counter twice in a row would wait for itself.
    tables = np.zeros((parts, 2, 1 << 16), np.int64)
    for part in prange(parts):
        start, stop = first.size * part // parts, first.size * (part + 1) // parts
        _count_range(first[start:stop], second[start:stop], tables[part, 0], tables[part, 1])
    counts = np.zeros(1 << 16, np.int64)
    for part in range(parts):
        counts += tables[part, 0] + tables[part, 1]
    return counts


@njit(cache=True)
def _count_range(first, second, even, odd):  # type: ignore[no-untyped-def]
    size = first.size
    whole = size // LONG
    for long in range(whole):
        start = long * LONG
        if is_uniform(first, second, start, LONG):
            even[(np.int64(first[start]) << 8) | second[start]] += LONG
            continue
        for short in range(start, start + LONG, SHORT):
            if is_uniform(first, second, short, SHORT):
                odd[(np.int64(first[short]) << 8) | second[short]] += SHORT
                continue
            for voxel in range(short, short + SHORT, 2):
                even[(np.int64(first[voxel]) << 8) | second[voxel]] += 1
                odd[(np.int64(first[voxel + 1]) << 8) | second[voxel + 1]] += 1
    for voxel in range(whole * LONG, size):
        even[(np.int64(first[voxel]) << 8) | second[voxel]] += 1
