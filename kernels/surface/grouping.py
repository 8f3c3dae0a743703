"""How a scan in parallel parts writes points straight into groups, one group a label, without a sort."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.search import lower_bound
from maskwright.kernels.threads import kernel

LEAST_VOXELS = 1 << 20  # a thread
_VOXELS_A_POINT = 16
_SMALL = 1 << 23  # voxels; room is cheap here, and a brain parcellation is mostly surface


def first_guess(voxels: int, parts: int) -> int:
    """Return the room a part gets for points: enough for most masks, since one that needs more is scanned again."""
    voxels_a_point = 3 if voxels <= _SMALL else _VOXELS_A_POINT
    return max(4096, voxels // (voxels_a_point * parts))


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


@kernel
def find_label(value, labels, table):  # type: ignore[no-untyped-def]
    """Return the position of ``value`` in the sorted ``labels``, or -1; by table where there is one."""
    if table.size > 0:
        return np.int64(table[value])
    position = lower_bound(labels, np.int64(0), labels.size, np.int64(value))
    if position < labels.size and labels[position] == value:
        return position
    return np.int64(-1)


def group_offsets(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Turn counts[part, label] into group offsets[label + 1] and the index each part writes to first, [part, label]."""
    offsets = np.zeros(counts.shape[1] + 1, np.int64)
    np.cumsum(counts.sum(axis=0), out=offsets[1:])
    return offsets, offsets[:-1] + np.cumsum(counts, axis=0) - counts
