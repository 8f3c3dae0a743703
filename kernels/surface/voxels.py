"""Surface voxels of every label on the CPU: one scan by rows, then each point goes to the group of its label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface.blocks import BLOCK, collect_flagged, flag_differing
from maskwright.kernels.surface.grouping import (
    LEAST_VOXELS,
    find_label,
    first_guess,
    group_offsets,
    label_table,
    point_dtype,
)
from maskwright.kernels.threads import kernel, run_in_parts, thread_count


def scan_voxels(volume: NDArray[Any], planar: bool, labels: NDArray[np.uint64]) -> PointGroups:
    """Return the voxels of each of ``labels`` with a face neighbour of another label; ``volume`` is C-contiguous."""
    parts = thread_count(volume.size, LEAST_VOXELS)
    table, wanted = label_table(volume.dtype, labels), labels.astype(np.uint32)
    candidates, counts = _scan_into(first_guess(volume.size, parts), volume, planar, wanted, table, parts)
    most = int(counts.sum(axis=1).max())
    if most > candidates.shape[1]:
        candidates, counts = _scan_into(most, volume, planar, wanted, table, parts)
    offsets, cursors = group_offsets(counts)
    points = np.empty(offsets[-1], candidates.dtype)
    used = counts.sum(axis=1)
    run_in_parts(_distribute, parts, volume.reshape(-1), candidates, used, wanted, table, cursors, points)
    return PointGroups(points, offsets, (volume.shape[0], volume.shape[1], volume.shape[2]))


def _scan_into(
    room: int, volume: NDArray[Any], planar: bool, labels: NDArray[Any], table: NDArray[np.int32], parts: int
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return each part's surface voxels, as far as there is room, and their counts [part, label]."""
    candidates = np.empty((parts, room), point_dtype(volume.size))
    counts = np.zeros((parts, len(labels)), np.int64)
    run_in_parts(_scan, parts, volume, planar, labels, table, candidates, counts)
    return candidates, counts


@kernel
def _scan(part, parts, volume, planar, labels, table, candidates, counts):  # type: ignore[no-untyped-def]
    nz, ny, nx = volume.shape
    room = candidates.shape[1]
    in_row, flags = np.empty(nx, np.int64), np.empty(BLOCK, np.uint8)
    used = np.int64(0)
    for line in range(nz * ny * part // parts, nz * ny * (part + 1) // parts):
        row = volume[line // ny, line % ny]
        for i in range(_find_in_row(volume, planar, line // ny, line % ny, in_row, flags)):
            label = find_label(row[in_row[i]], labels, table)
            if label >= 0:
                if used < room:
                    candidates[part, used] = line * nx + in_row[i]
                used += 1
                counts[part, label] += 1


@kernel
def _distribute(part, parts, voxels, candidates, used, labels, table, cursors, points):  # type: ignore[no-untyped-def]
    """Write one part's points to the groups of their labels."""
    for i in range(used[part]):
        label = find_label(voxels[candidates[part, i]], labels, table)
        points[cursors[part, label]] = candidates[part, i]
        cursors[part, label] += 1


@kernel
def _find_in_row(volume, planar, z, y, positions, flags):  # type: ignore[no-untyped-def]
    """Write the x of the row's surface voxels, ascending, and return how many there are."""
    nz, ny, nx = volume.shape
    row = volume[z, y]
    count = np.int64(0)
    if y == 0 or y == ny - 1 or nx < 2 or (not planar and (z == 0 or z == nz - 1)):
        for x in range(nx):
            if row[x] != 0:
                positions[count] = x
                count += 1
        return count
    before, after = volume[z, y - 1], volume[z, y + 1]
    below, above = (row, row) if planar else (volume[z - 1, y], volume[z + 1, y])
    if row[0] != 0:
        positions[count] = 0
        count += 1
    done = np.int64(1)
    if nx >= BLOCK + 2:
        for block in range((nx - 2 + BLOCK - 1) // BLOCK):
            start = min(1 + block * BLOCK, nx - 1 - BLOCK)  # the last block may overlap the one before
            if not _is_background(row, start):
                _flag_surface(row, before, after, below, above, start, flags)
                count = collect_flagged(flags, start, done, positions, count)
            done = start + BLOCK
    for x in range(done, nx - 1):
        here = row[x]
        differs = (here != before[x]) | (here != after[x]) | (here != below[x]) | (here != above[x])
        positions[count] = x
        count += (here != 0) & (differs | (here != row[x - 1]) | (here != row[x + 1]))
    if row[nx - 1] != 0:
        positions[count] = nx - 1
        count += 1
    return count


@kernel
def _is_background(row, start):  # type: ignore[no-untyped-def]
    """Tell whether a block holds no label. Most do not, and a call with five arrays would take longer than this."""
    here = row[start : start + BLOCK]
    occupied = False
    for i in range(BLOCK):
        occupied |= here[i] != 0
    return not occupied


@kernel
def _flag_surface(row, before, after, below, above, start, flags):  # type: ignore[no-untyped-def]
    """Flag the surface voxels of a block."""
    stop = start + BLOCK
    here = row[start:stop]
    for i in range(BLOCK):
        flags[i] = 0
    flag_differing(here, before[start:stop], after[start:stop], flags)
    flag_differing(here, below[start:stop], above[start:stop], flags)
    flag_differing(here, row[start - 1 : stop - 1], row[start + 1 : stop + 1], flags)
    for i in range(BLOCK):
        flags[i] &= here[i] != 0
