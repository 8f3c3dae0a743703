"""Surface voxels of every label on the CPU: one scan, run once to count and once to fill exactly sized arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface.grouping import find_label, group_offsets, job_count, label_table, point_dtype

_LONG = 64  # voxels checked at once for lying inside one label
_SHORT = 16  # and again, where a long stretch does not


def surface_voxels(volume: NDArray[Any], planar: bool, labels: NDArray[np.uint64]) -> PointGroups:
    """Return the voxels of each of ``labels`` with a face neighbour of another label; ``volume`` is C-contiguous."""
    table, wanted = label_table(volume.dtype, labels), labels.astype(volume.dtype)
    counts = np.zeros((job_count(volume.shape[0] * volume.shape[1], len(labels)), len(labels)), np.int64)
    _scan(volume, planar, wanted, table, counts, np.empty(0, point_dtype(volume.size)))
    starts, offsets = group_offsets(counts)
    points = np.empty(starts[-1], point_dtype(volume.size))
    _scan(volume, planar, wanted, table, offsets, points)
    return PointGroups(points, starts, (volume.shape[0], volume.shape[1], volume.shape[2]))


@njit(parallel=True, cache=True)
def _scan(volume, planar, labels, table, places, points):  # type: ignore[no-untyped-def]
    """Move each job's place of a label on by one a surface voxel, writing it there unless ``points`` is empty."""
    nz, ny, nx = volume.shape
    jobs = places.shape[0]
    for job in prange(jobs):
        found = np.empty(nx, np.int64)
        place = places[job].copy()  # of its own: no false sharing between threads
        for line in range(nz * ny * job // jobs, nz * ny * (job + 1) // jobs):
            z, y = line // ny, line % ny
            for i in range(_find_in_row(volume, planar, z, y, found)):
                label = find_label(volume[z, y, found[i]], labels, table)
                if label >= 0:
                    if points.size > 0:
                        points[place[label]] = line * nx + found[i]
                    place[label] += 1
        places[job] = place


@njit(cache=True)
def _find_in_row(volume, planar, z, y, found):  # type: ignore[no-untyped-def]
    """Write the x of the row's surface voxels, ascending, and return how many there are."""
    nz, ny, nx = volume.shape
    row = volume[z, y]
    if y == 0 or y == ny - 1 or nx == 1 or (not planar and (z == 0 or z == nz - 1)):
        count = 0
        for x in range(nx):
            if row[x] != 0:
                found[count] = x
                count += 1
        return count
    before, after = volume[z, y - 1], volume[z, y + 1]
    below, above = (row, row) if planar else (volume[z - 1, y], volume[z + 1, y])
    found[0] = 0
    count = np.int64(row[0] != 0)
    for long in range((nx - 2 + _LONG - 1) // _LONG):
        start = 1 + long * _LONG
        if start + _LONG < nx and _is_inside(row, before, after, below, above, start, _LONG):
            continue
        for short in range(_LONG // _SHORT):
            first = start + short * _SHORT
            if first + _SHORT < nx and _is_inside(row, before, after, below, above, first, _SHORT):
                continue
            for x in range(first, min(first + _SHORT, nx - 1)):
                here = row[x]
                differs = (here != before[x]) | (here != after[x]) | (here != below[x]) | (here != above[x])
                found[count] = x
                count += (here != 0) & (differs | (here != row[x - 1]) | (here != row[x + 1]))
    if row[nx - 1] != 0:
        found[count] = nx - 1
        count += 1
    return count


@njit(cache=True)
def _is_inside(row, before, after, below, above, start, length):  # type: ignore[no-untyped-def]
    """Whether a stretch and all its face neighbours carry one label."""
    # Slices, one flag and a constant length: only so does the loop become a few vector instructions.
    stop = start + length
    here, left, right = row[start:stop], row[start - 1 : stop - 1], row[start + 1 : stop + 1]
    before, after, below, above = before[start:stop], after[start:stop], below[start:stop], above[start:stop]
    differs = False
    for i in range(length):
        differs |= (
            (here[i] != before[i])
            | (here[i] != after[i])
            | (here[i] != below[i])
            | (here[i] != above[i])
            | (here[i] != left[i])
            | (here[i] != right[i])
        )
    return not differs
