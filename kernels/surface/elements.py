"""Surface elements of every label on the CPU: the 2 x 2 x 2 blocks (2 x 2 in a plane) that its surface crosses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface.grouping import find_label, group_offsets, job_count, label_table, point_dtype

_STRETCH = 32  # blocks checked at once for holding one label


def surface_element_codes(
    volume: NDArray[Any], planar: bool, labels: NDArray[np.uint64]
) -> tuple[PointGroups, NDArray[np.uint8]]:
    """Return each label's elements on the grid of blocks, and their neighbour codes; ``volume`` is C-contiguous."""
    nz, ny, nx = volume.shape
    shape = (1 if planar else nz + 1, ny + 1, nx + 1)
    size = shape[0] * shape[1] * shape[2]
    table, wanted = label_table(volume.dtype, labels), labels.astype(volume.dtype)
    counts = np.zeros((job_count(shape[0] * shape[1], len(labels)), len(labels)), np.int64)
    lines = shape[0] * shape[1]
    _scan(volume, planar, wanted, table, lines, counts, np.empty(0, point_dtype(size)), np.empty(0, np.uint8))
    starts, offsets = group_offsets(counts)
    points, codes = np.empty(starts[-1], point_dtype(size)), np.empty(starts[-1], np.uint8)
    _scan(volume, planar, wanted, table, lines, offsets, points, codes)
    return PointGroups(points, starts, shape), codes


@njit(parallel=True, cache=True)
def _scan(volume, planar, labels, table, lines, places, points, codes):  # type: ignore[no-untyped-def]
    """Move each job's place of a label on by one an element, writing it there unless ``points`` is empty."""
    _, ny, nx = volume.shape
    jobs = places.shape[0]
    corners = 4 if planar else 8
    for job in prange(jobs):
        rows = np.zeros((corners // 2, nx + 2), volume.dtype)  # the rows around one line of blocks, padded with 0
        values = np.zeros(corners, volume.dtype)
        place = places[job].copy()
        for line in range(lines * job // jobs, lines * (job + 1) // jobs):
            z, y = line // (ny + 1), line % (ny + 1)
            _load_rows(volume, planar, z, y, rows)
            for start in range(0, nx + 1, _STRETCH):
                if start + _STRETCH <= nx + 1 and _is_uniform(rows, start):
                    continue
                for x in range(start, min(start + _STRETCH, nx + 1)):
                    for corner in range(corners):
                        values[corner] = rows[corner // 2, x + corner % 2]
                    for corner in range(corners):
                        value = values[corner]
                        code = _neighbour_code(values, corner)
                        if value == 0 or code == 0:
                            continue
                        label = find_label(value, labels, table)
                        if label >= 0:
                            if points.size > 0:
                                points[place[label]] = line * (nx + 1) + x
                                codes[place[label]] = code
                            place[label] += 1
        places[job] = place


@njit(cache=True)
def _load_rows(volume, planar, z, y, rows):  # type: ignore[no-untyped-def]
    nz, ny, nx = volume.shape
    for i in range(rows.shape[0]):
        row_z = z if planar else z - 1 + i // 2
        row_y = y - 1 + i % 2
        if 0 <= row_z < nz and 0 <= row_y < ny:
            rows[i, 1 : nx + 1] = volume[row_z, row_y]
        else:
            rows[i, :] = 0


@njit(cache=True)
def _is_uniform(rows, start):  # type: ignore[no-untyped-def]
    """Whether all blocks of a stretch hold one label."""
    first = rows[0, start]
    for i in range(rows.shape[0]):
        row = rows[i, start : start + _STRETCH + 1]
        differs = False
        for x in range(_STRETCH + 1):
            differs |= row[x] != first
        if differs:
            return False
    return True


@njit(cache=True)
def _neighbour_code(values, corner):  # type: ignore[no-untyped-def]
    """The code of the label at ``corner``; 0 if an earlier corner has the same label or the block holds no other."""
    value, last = values[corner], values.size - 1
    code = np.int64(0)
    for other in range(values.size):
        if values[other] == value:
            if other < corner:
                return np.int64(0)
            code |= np.int64(1) << (last - other)
    return code if code != (np.int64(1) << values.size) - 1 else np.int64(0)
