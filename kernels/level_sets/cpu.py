"""Nested regions on the CPU: each pair of neighbours is noted twice, where it begins and where it ends to be cut."""

from __future__ import annotations

import numpy as np

from maskwright.kernels.threads import kernel


@kernel
def measure(levels, count, along_z, along_y, along_x):  # type: ignore[no-untyped-def]
    """Return sizes, cuts and sums of indices of the regions ``0 .. count``; see the family's docstring."""
    joined = np.zeros((4, count + 1), np.int64)  # voxels, and their z, y and x
    change = np.zeros(count + 2)
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
    index_sums = np.empty((count + 1, 3), np.int64)
    for axis in range(3):
        index_sums[:, axis] = np.cumsum(joined[axis + 1])
    return np.cumsum(joined[0]), np.cumsum(change[:-1]), index_sums


@kernel
def _note_pair(change, count, one, other, weight):  # type: ignore[no-untyped-def]
    """A pair is cut from the region after its lower level up to the one of its higher level."""
    if other < 0 or one == other:
        return
    lower, upper = min(one, other), max(one, other)
    if lower < count:
        change[lower + 1] += weight
        change[min(upper, count) + 1] -= weight
