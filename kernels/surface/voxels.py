"""Surface voxels of every label on the CPU: one scan by rows, then each point goes to the group of its label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface.grouping import (
    find_label,
    first_guess,
    group_offsets,
    job_count,
    label_table,
    point_dtype,
)

_LONG = 64  # voxels checked at once for lying inside one label
_SHORT = 16  # and again, where a long stretch does not


def surface_voxels(volume: NDArray[Any], planar: bool, labels: NDArray[np.uint64]) -> PointGroups:
    """Return the voxels of each of ``labels`` with a face neighbour of another label; ``volume`` is C-contiguous."""
    dtype = point_dtype(volume.size)
    jobs = job_count(volume.shape[0] * volume.shape[1], len(labels))
    room = first_guess(volume.size, jobs)
    found = np.empty((jobs, room), dtype)
    used = _scan(volume, planar, found)
    if used.max() > room:
        found = np.empty((jobs, used.max()), dtype)
        _scan(volume, planar, found)
    table, wanted = label_table(volume.dtype, labels), labels.astype(volume.dtype)
    starts, offsets = group_offsets(_count(volume.reshape(-1), found, used, wanted, table))
    points = np.empty(starts[-1], dtype)
    _place(volume.reshape(-1), found, used, wanted, table, offsets, points)
    return PointGroups(points, starts, (volume.shape[0], volume.shape[1], volume.shape[2]))


@njit(parallel=True, cache=True)
def _scan(volume, planar, found):  # type: ignore[no-untyped-def]
    """Write each job's surface voxels into its row of ``found``, as far as there is room; return how many it has."""
    nz, ny, nx = volume.shape
    jobs, room = found.shape
    used = np.zeros(jobs, np.int64)
    for job in prange(jobs):
        in_row = np.empty(nx, np.int64)
        count = np.int64(0)
        for line in range(nz * ny * job // jobs, nz * ny * (job + 1) // jobs):
            more = _find_in_row(volume, planar, line // ny, line % ny, in_row)
            for i in range(min(more, room - count)):
                found[job, count + i] = line * nx + in_row[i]
            count += more
        used[job] = count
    return used


@njit(parallel=True, cache=True)
def _count(voxels, found, used, labels, table):  # type: ignore[no-untyped-def]
    counts = np.zeros((used.size, labels.size), np.int64)
    for job in prange(used.size):
        for i in range(used[job]):
            label = find_label(voxels[found[job, i]], labels, table)
            if label >= 0:
                counts[job, label] += 1
    return counts


@njit(parallel=True, cache=True)
def _place(voxels, found, used, labels, table, offsets, points):  # type: ignore[no-untyped-def]
    for job in prange(used.size):
        for i in range(used[job]):
            label = find_label(voxels[found[job, i]], labels, table)
            if label >= 0:
                points[offsets[job, label]] = found[job, i]
                offsets[job, label] += 1


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
