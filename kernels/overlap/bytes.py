"""The joint histogram of two uint8 arrays: a table of all 65,536 pairs, filled without a branch a voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.overlap.blocks import LONG, SHORT, is_uniform
from maskwright.kernels.threads import kernel, run_in_parts, thread_count

_LEAST_VOXELS = 1 << 20  # a thread


def count_byte_pairs(
    reference: NDArray[np.uint8], prediction: NDArray[np.uint8]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Count pairs of two equally long, contiguous vectors; keys are ``reference << 32 | prediction``, sorted."""
    parts = thread_count(reference.size, _LEAST_VOXELS)
    # Two tables a part, for even and odd voxels: the same counter twice in a row would wait for itself.
    tables = np.zeros((parts, 2, 1 << 16), np.int64)
    run_in_parts(_count, parts, reference, prediction, tables)
    counts = tables.reshape(-1, 1 << 16).sum(axis=0)
    pairs = np.flatnonzero(counts)
    keys = pairs.astype(np.uint64)
    return ((keys >> np.uint64(8)) << np.uint64(32)) | (keys & np.uint64(0xFF)), counts[pairs]


@kernel
def _count(part, parts, reference, prediction, tables):  # type: ignore[no-untyped-def]
    size = reference.size
    first, stop = size * part // parts, size * (part + 1) // parts
    even, odd = tables[part, 0], tables[part, 1]
    whole = first + (stop - first) // LONG * LONG
    for start in range(first, whole, LONG):
        if is_uniform(reference, prediction, start, LONG):
            even[(np.int64(reference[start]) << 8) | prediction[start]] += LONG
            continue
        for short in range(start, start + LONG, SHORT):
            if is_uniform(reference, prediction, short, SHORT):
                odd[(np.int64(reference[short]) << 8) | prediction[short]] += SHORT
                continue
            for voxel in range(short, short + SHORT, 2):
                even[(np.int64(reference[voxel]) << 8) | prediction[voxel]] += 1
                odd[(np.int64(reference[voxel + 1]) << 8) | prediction[voxel + 1]] += 1
    for voxel in range(whole, stop):
        even[(np.int64(reference[voxel]) << 8) | prediction[voxel]] += 1
