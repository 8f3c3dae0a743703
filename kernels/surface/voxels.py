"""Surface voxels of every label on the CPU: one scan by rows, then each point goes to the group of its label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface.blocks import BLOCK, collect_flagged, flag_differing
from maskwright.kernels.surface.grouping import (
    find_label,
    first_guess,
    group_offsets,
    job_count,
    label_table,
    point_dtype,
)


def surface_voxels(volume: NDArray[Any], planar: bool, labels: NDArray[np.uint64]) -> PointGroups:
    """Return the voxels of each of ``labels`` with a face neighbour of another label; ``volume`` is C-contiguous."""
    dtype = point_dtype(volume.size)
    jobs = job_count(volume.shape[0] * volume.shape[1], len(labels))
    table, wanted = label_table(volume.dtype, labels), labels.astype(volume.dtype)
    found = np.empty((jobs, first_guess(volume.size, jobs)), dtype)
    counts = _scan(volume, planar, wanted, table, found)
    most = int(counts.sum(axis=1).max())
    if most > found.shape[1]:
        found = np.empty((jobs, most), dtype)
        counts = _scan(volume, planar, wanted, table, found)
    offsets, cursors = group_offsets(counts)
    points = np.empty(offsets[-1], dtype)
    _place(volume.reshape(-1), found, counts.sum(axis=1), wanted, table, cursors, points)
    return PointGroups(points, offsets, (volume.shape[0], volume.shape[1], volume.shape[2]))


@njit(parallel=True, cache=True)
def _scan(volume, planar, labels, table, found):  # type: ignore[no-untyped-def]
    """Write each job's surface voxels into its row of ``found``, as far as there is room; count them by label."""
    nz, ny, nx = volume.shape
    jobs, room = found.shape
    counts = np.zeros((jobs, labels.size), np.int64)
    for job in prange(jobs):
        in_row, flags = np.empty(nx, np.int64), np.empty(BLOCK, np.uint8)
        used = np.int64(0)
        for line in range(nz * ny * job // jobs, nz * ny * (job + 1) // jobs):
            row = volume[line // ny, line % ny]
            for i in range(_find_in_row(volume, planar, line // ny, line % ny, in_row, flags)):
                label = find_label(row[in_row[i]], labels, table)
                if label >= 0:
                    if used < room:
                        found[job, used] = line * nx + in_row[i]
                    used += 1
                    counts[job, label] += 1
    return counts


@njit(parallel=True, cache=True)
def _place(voxels, found, used, labels, table, cursors, points):  # type: ignore[no-untyped-def]
    for job in prange(used.size):
        for i in range(used[job]):
            label = find_label(voxels[found[job, i]], labels, table)
            points[cursors[job, label]] = found[job, i]
            cursors[job, label] += 1


@njit(cache=True)
def _find_in_row(volume, planar, z, y, found, flags):  # type: ignore[no-untyped-def]
    """Write the x of the row's surface voxels, ascending, and return how many there are."""
    nz, ny, nx = volume.shape
    row = volume[z, y]
    count = np.int64(0)
    if y == 0 or y == ny - 1 or nx < 2 or (not planar and (z == 0 or z == nz - 1)):
        for x in range(nx):
            if row[x] != 0:
                found[count] = x
                count += 1
        return count
    before, after = volume[z, y - 1], volume[z, y + 1]
    below, above = (row, row) if planar else (volume[z - 1, y], volume[z + 1, y])
    if row[0] != 0:
        found[count] = 0
        count += 1
    done = 1
    if nx >= BLOCK + 2:
        for block in range((nx - 2 + BLOCK - 1) // BLOCK):
            start = min(1 + block * BLOCK, nx - 1 - BLOCK)  # the last block may overlap the one before
            if not _is_background(row, start) and not _is_inside(row, before, after, below, above, start):
                _flag_surface(row, before, after, below, above, start, flags)
                count = collect_flagged(flags, start, done, found, count)
            done = start + BLOCK
    for x in range(done, nx - 1):
        here = row[x]
        differs = (here != before[x]) | (here != after[x]) | (here != below[x]) | (here != above[x])
        found[count] = x
        count += (here != 0) & (differs | (here != row[x - 1]) | (here != row[x + 1]))
    if row[nx - 1] != 0:
        found[count] = nx - 1
        count += 1
    return count


@njit(cache=True)
def _is_background(row, start):  # type: ignore[no-untyped-def]
    here = row[start : start + BLOCK]
    occupied = False
    for i in range(BLOCK):
        occupied |= here[i] != 0
    return not occupied


@njit(cache=True)
def _is_inside(row, before, after, below, above, start):  # type: ignore[no-untyped-def]
    """Whether a block and all its face neighbours carry one label."""
    stop = start + BLOCK
    here, left, right = row[start:stop], row[start - 1 : stop - 1], row[start + 1 : stop + 1]
    before, after, below, above = before[start:stop], after[start:stop], below[start:stop], above[start:stop]
    differs = False
    for i in range(BLOCK):
        differs |= (
            (here[i] != before[i])
            | (here[i] != after[i])
            | (here[i] != below[i])
            | (here[i] != above[i])
            | (here[i] != left[i])
            | (here[i] != right[i])
        )
    return not differs


@njit(cache=True)
def _flag_surface(row, before, after, below, above, start, flags):  # type: ignore[no-untyped-def]
    stop = start + BLOCK
    here = row[start:stop]
    flags[:] = 0
    flag_differing(here, before[start:stop], after[start:stop], flags)
    flag_differing(here, below[start:stop], above[start:stop], flags)
    flag_differing(here, row[start - 1 : stop - 1], row[start + 1 : stop + 1], flags)
    for i in range(BLOCK):
        flags[i] &= here[i] != 0
