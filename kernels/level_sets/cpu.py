"""Nested regions on the CPU: each pair of neighbours is noted twice, where it begins and where it ends to be cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.threads import kernel


def measure_level_sets(
    levels: NDArray[np.int32], count: int, weights: tuple[NDArray[np.float32], ...]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return sizes, cuts and sums of indices of the regions ``0 .. count``; see the family's docstring."""
    array = np.ascontiguousarray(levels)
    volume = array if array.ndim == 3 else array[None]
    planes = [np.ascontiguousarray(weight, np.float32).reshape(volume.shape) for weight in weights]
    if array.ndim == 2:
        planes.insert(0, planes[0])  # one plane: no pair across it
    joined, change = np.zeros((4, count + 1), np.int64), np.zeros(count + 2)  # voxels, and their z, y and x
    _note_voxels(volume, count, *planes, joined, change)
    totals = joined.cumsum(axis=1)
    return totals[0], change[:-1].cumsum(), totals[4 - array.ndim :].T.copy()


@kernel
def _note_voxels(levels, count, along_z, along_y, along_x, joined, change):  # type: ignore[no-untyped-def]
    """Add each voxel to the level at which it joins, and each pair to those where it begins and ends to be cut."""
    depth, height, width = levels.shape
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                here = levels[z, y, x]
                if here < 0:
                    continue
                if here < count:
                    joined[0, here + 1] += 1
                    joined[1, here + 1] += z
                    joined[2, here + 1] += y
                    joined[3, here + 1] += x
                if z + 1 < depth:
                    _note_pair(change, count, here, levels[z + 1, y, x], along_z[z, y, x])
                if y + 1 < height:
                    _note_pair(change, count, here, levels[z, y + 1, x], along_y[z, y, x])
                if x + 1 < width:
                    _note_pair(change, count, here, levels[z, y, x + 1], along_x[z, y, x])


@kernel
def _note_pair(change, count, one, other, weight):  # type: ignore[no-untyped-def]
    """A pair is cut from the region after its lower level up to the one of its higher level."""
    if other < 0 or one == other:
        return
    lower, upper = min(one, other), max(one, other)
    if lower < count:
        change[lower + 1] += weight
        change[min(upper, count) + 1] -= weight
