"""The joint histogram of any two label arrays: uniform blocks are counted whole, the rest go into a small hash."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.overlap.blocks import LONG, SHORT, is_uniform
from maskwright.kernels.threads import kernel, run_in_parts, thread_count

_LEAST_VOXELS = 1 << 20  # a thread
_SMALLEST_TABLE = 1024
_GROWTH = 8
_MIX = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing, Knuth 6.4
_HALF = np.uint64(32)


def count_wide_pairs(reference: NDArray[Any], prediction: NDArray[Any]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Count pairs of two equally long, contiguous vectors; keys are ``reference << 32 | prediction``, sorted."""
    parts = thread_count(reference.size, _LEAST_VOXELS)
    capacity, full = _SMALLEST_TABLE, np.ones(1, np.bool_)
    while full.any():
        keys, counts = np.empty((parts, capacity), np.uint64), np.zeros((parts, capacity), np.int64)
        full = np.zeros(parts, np.bool_)
        run_in_parts(_count, parts, reference, prediction, keys, counts, full)
        capacity *= _GROWTH
    used = counts > 0
    unique, inverse = np.unique(keys[used], return_inverse=True)
    sums = np.zeros(len(unique), dtype=np.int64)
    np.add.at(sums, inverse, counts[used])
    return unique, sums


@kernel
def _count(part, parts, reference, prediction, tables, counters, full):  # type: ignore[no-untyped-def]
    """Count one part into its table of keys, whose free slots have a counter of 0; ``full`` where it has no room."""
    size = reference.size
    first, last = size * part // parts, size * (part + 1) // parts
    keys, counts = tables[part], counters[part]
    room = keys.size // 2  # past half full, probing slows down
    key, run = np.uint64(0), np.int64(0)
    for start in range(first, last, LONG):
        if room <= LONG:  # a block adds no more than that
            full[part] = True
            return
        stop = min(start + LONG, last)
        if stop - start == LONG and is_uniform(reference, prediction, start, LONG):
            pair = (np.uint64(reference[start]) << _HALF) | np.uint64(prediction[start])
            if pair != key:
                room -= _add(keys, counts, key, run)
                key, run = pair, np.int64(0)
            run += LONG
            continue
        for short in range(start, stop, SHORT):
            end = min(short + SHORT, stop)
            step = SHORT if end - short == SHORT and is_uniform(reference, prediction, short, SHORT) else 1
            for voxel in range(short, end, step):
                pair = (np.uint64(reference[voxel]) << _HALF) | np.uint64(prediction[voxel])
                if pair != key:
                    room -= _add(keys, counts, key, run)
                    key, run = pair, np.int64(0)
                run += step
    _add(keys, counts, key, run)


@kernel
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
