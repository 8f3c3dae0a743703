"""The joint histogram of any two label arrays: uniform blocks are counted whole, the rest go into a small hash."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from maskwright.kernels.overlap.blocks import LONG, SHORT, is_uniform

_SMALLEST_TABLE = 1024
_GROWTH = 8
_MIX = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing, Knuth 6.4
_HALF = np.uint64(32)


def count_pairs(first: NDArray[Any], second: NDArray[Any]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Count pairs of two equally long, contiguous label vectors; keys are ``first << 32 | second``, sorted."""
    parts = max(1, min(get_num_threads(), first.size // 4096))
    capacity = _SMALLEST_TABLE
    keys, counts, full = _count_parts(first, second, parts, capacity)
    while full.any():
        capacity *= _GROWTH
        keys, counts, full = _count_parts(first, second, parts, capacity)
    used = counts > 0
    unique, inverse = np.unique(keys[used], return_inverse=True)
    sums = np.zeros(len(unique), dtype=np.int64)
    np.add.at(sums, inverse, counts[used])
    return unique, sums


@njit(parallel=True, cache=True)
def _count_parts(first, second, parts, capacity):  # type: ignore[no-untyped-def]
    keys = np.empty((parts, capacity), np.uint64)
    counts = np.zeros((parts, capacity), np.int64)  # 0 marks a free slot
    full = np.zeros(parts, np.bool_)
    for part in prange(parts):
        start, stop = first.size * part // parts, first.size * (part + 1) // parts
        full[part] = _count_range(first[start:stop], second[start:stop], keys[part], counts[part])
    return keys, counts, full


@njit(cache=True)
def _count_range(first, second, keys, counts):  # type: ignore[no-untyped-def]
    """Count one block into its table; True where the table ran full and the counts are not complete."""
    room = keys.size // 2  # past half full, probing slows down
    key, run = np.uint64(0), np.int64(0)
    size = first.size
    for long in range((size + LONG - 1) // LONG):
        if room <= LONG:  # a block adds no more than that
            return True
        start, stop = long * LONG, min(long * LONG + LONG, size)
        if stop - start == LONG and is_uniform(first, second, start, LONG):
            pair = (np.uint64(first[start]) << _HALF) | np.uint64(second[start])
            if pair != key:
                room -= _add(keys, counts, key, run)
                key, run = pair, np.int64(0)
            run += LONG
            continue
        for short in range(start, stop, SHORT):
            end = min(short + SHORT, stop)
            step = SHORT if end - short == SHORT and is_uniform(first, second, short, SHORT) else 1
            for voxel in range(short, end, step):
                pair = (np.uint64(first[voxel]) << _HALF) | np.uint64(second[voxel])
                if pair != key:
                    room -= _add(keys, counts, key, run)
                    key, run = pair, np.int64(0)
                run += step
    _add(keys, counts, key, run)
    return False


@njit(cache=True)
def _add(keys, counts, key, run):  # type: ignore[no-untyped-def]
    """Add ``run`` voxels to ``key`` in the open-addressing table; 1 where the key is new to it."""
    if run == 0:
        return np.int64(0)
    slots = np.uint64(keys.size - 1)  # a mask: the number of slots is a power of two
    slot = ((key * _MIX) >> _HALF) & slots
    while counts[slot] > 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & slots
    new = counts[slot] == 0
    keys[slot] = key
    counts[slot] += run
    return np.int64(new)
