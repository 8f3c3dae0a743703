"""The joint histogram on the CPU: uniform stretches are counted whole, the rest voxel by voxel, into a small hash."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

_LONG = 64  # voxels checked at once for being uniform in both arrays
_SHORT = 8  # and again, where a long stretch is not
_SMALLEST_TABLE = 1024
_GROWTH = 8
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)  # would be label 2**32 - 1 in both arrays: counted apart
_MIX = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing, Knuth 6.4
_HALF = np.uint64(32)


def count_pairs(first: NDArray[Any], second: NDArray[Any]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Count pairs of two equally long, contiguous label vectors; keys are ``first << 32 | second``, sorted."""
    parts = max(1, min(get_num_threads(), first.size // 4096))
    capacity = _SMALLEST_TABLE
    while True:
        keys, counts, full, last = _count_parts(first, second, parts, capacity)
        if not full.any():
            break
        capacity *= _GROWTH
    used = counts > 0
    found, sizes = keys[used], counts[used]
    if last.any():
        found, sizes = np.append(found, _EMPTY), np.append(sizes, last.sum())
    unique, inverse = np.unique(found, return_inverse=True)
    sums = np.zeros(len(unique), dtype=np.int64)
    np.add.at(sums, inverse, sizes)
    return unique, sums


@njit(parallel=True, cache=True)
def _count_parts(first, second, parts, capacity):  # type: ignore[no-untyped-def]
    keys = np.full((parts, capacity), _EMPTY)
    counts = np.zeros((parts, capacity), np.int64)
    full = np.zeros(parts, np.bool_)
    last = np.zeros(parts, np.int64)  # voxels of the one pair that the hash cannot hold
    for part in prange(parts):
        start, stop = first.size * part // parts, first.size * (part + 1) // parts
        full[part], last[part] = _count_stretch(first[start:stop], second[start:stop], keys[part], counts[part])
    return keys, counts, full, last


@njit(cache=True)
def _count_stretch(first, second, keys, counts):  # type: ignore[no-untyped-def]
    """Count one stretch into its table; whether the table ran full, and the voxels of the pair it cannot hold."""
    room = keys.size // 2  # past half full, probing slows down
    last, key, run = np.int64(0), np.uint64(0), np.int64(0)
    position, size = 0, first.size
    known = 0  # up to here the long stretch is known not to be uniform as a whole
    while position < size:
        step = _LONG
        if position < known or position + _LONG > size or not _is_uniform(first, second, position, _LONG):
            known = max(known, position + _LONG)
            step = _SHORT
            if position + _SHORT > size or not _is_uniform(first, second, position, _SHORT):
                step = 1
        for voxel in range(position, min(position + _SHORT, size) if step == 1 else position + 1):
            pair = (np.uint64(first[voxel]) << _HALF) | np.uint64(second[voxel])
            if pair != key:
                last += run if key == _EMPTY else 0
                room -= _add(keys, counts, key, run)
                key, run = pair, np.int64(0)
            run += step
        if room <= _SHORT:
            return True, last
        position += max(step, _SHORT)
    last += run if key == _EMPTY else 0
    _add(keys, counts, key, run)
    return False, last


@njit(cache=True, inline="always")
def _is_uniform(first, second, start, length):  # type: ignore[no-untyped-def]
    a, b = first[start], second[start]
    different = False  # no early exit: with a constant length the loop is a few vector instructions
    for i in range(length):
        different |= (first[start + i] != a) | (second[start + i] != b)
    return not different


@njit(cache=True)
def _add(keys, counts, key, run):  # type: ignore[no-untyped-def]
    """Add ``run`` voxels to ``key`` in the open-addressing table; 1 where the key is new."""
    if run == 0 or key == _EMPTY:
        return np.int64(0)
    slots = np.uint64(keys.size - 1)  # the size is a power of two
    slot = ((key * _MIX) >> _HALF) & slots
    while counts[slot] > 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & slots
    new = counts[slot] == 0
    keys[slot] = key
    counts[slot] += run
    return np.int64(new)
