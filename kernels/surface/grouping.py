"""How a scan in parallel jobs writes points straight into groups, one group a label, without a sort."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit
from numpy.typing import NDArray

_JOBS_A_THREAD = 16
_VOXELS_A_POINT = 16
_SMALL = 1 << 23  # voxels; room is cheap here, and a brain parcellation is mostly surface
_MOST_COUNTERS = 1 << 20  # jobs x labels


def job_count(rows: int, labels: int) -> int:
    """Return how many blocks of rows to scan: enough to balance threads, few enough that counters stay small."""
    return max(1, min(rows, int(get_num_threads()) * _JOBS_A_THREAD, _MOST_COUNTERS // (labels + 1)))


def first_guess(voxels: int, jobs: int) -> int:
    """Return the room a job gets for points: enough for most masks, since one that needs more is scanned again."""
    voxels_a_point = 3 if voxels <= _SMALL else _VOXELS_A_POINT
    return max(4096, voxels // (voxels_a_point * jobs))


def point_dtype(voxels: int) -> type[np.uint32] | type[np.int64]:
    """Return the smallest type that holds every flat index of a grid."""
    return np.uint32 if voxels <= 0xFFFFFFFF else np.int64


def label_table(dtype: np.dtype[Any], labels: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return value -> position in ``labels`` (-1 elsewhere) for 8 and 16 bits; empty for 32 bits, which search."""
    if dtype.itemsize > 2:
        return np.empty(0, np.int32)
    table = np.full(1 << (8 * dtype.itemsize), -1, np.int32)
    table[labels.astype(np.intp)] = np.arange(len(labels), dtype=np.int32)
    return table


@njit(cache=True)
def find_label(value, labels, table):  # type: ignore[no-untyped-def]
    """Return the position of ``value`` in the sorted ``labels``, or -1; by table where there is one."""
    if table.size > 0:
        return np.int64(table[value])
    place = np.searchsorted(labels, value)
    if place < labels.size and labels[place] == value:
        return np.int64(place)
    return np.int64(-1)


def group_offsets(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Turn counts[job, label] into group offsets[label + 1] and the place each job writes to, [job, label]."""
    offsets = np.zeros(counts.shape[1] + 1, np.int64)
    np.cumsum(counts.sum(axis=0), out=offsets[1:])
    return offsets, offsets[:-1] + np.cumsum(counts, axis=0) - counts
