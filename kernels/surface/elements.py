"""Surface elements of every label on the CPU: the cubes of 2 x 2 x 2 voxels (in a plane, squares) it crosses."""

from __future__ import annotations

import math
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


def element_codes(
    volume: NDArray[Any], planar: bool, labels: NDArray[np.uint64]
) -> tuple[PointGroups, NDArray[np.uint8]]:
    """Return each label's elements on the grid of cubes, and their neighbour codes; ``volume`` is C-contiguous."""
    nz, ny, nx = volume.shape
    shape = (1 if planar else nz + 1, ny + 1, nx + 1)
    parts = thread_count(volume.size, LEAST_VOXELS)
    table, wanted = label_table(volume.dtype, labels), labels.astype(np.uint32)
    elements, counts = _scan_into(first_guess(math.prod(shape), parts), volume, planar, wanted, table, shape, parts)
    used = counts.sum(axis=1)
    if used.max() > elements[0].shape[1]:
        elements, counts = _scan_into(int(used.max()), volume, planar, wanted, table, shape, parts)
    offsets, cursors = group_offsets(counts)
    points, codes = np.empty(offsets[-1], elements[0].dtype), np.empty(offsets[-1], np.uint8)
    run_in_parts(_distribute, parts, *elements, used, cursors, points, codes)
    return PointGroups(points, offsets, shape), codes


def _scan_into(
    room: int,
    volume: NDArray[Any],
    planar: bool,
    labels: NDArray[Any],
    table: NDArray[np.int32],
    shape: tuple[int, int, int],
    parts: int,
) -> tuple[tuple[NDArray[Any], NDArray[np.int32], NDArray[np.uint8]], NDArray[np.int64]]:
    """Return each part's elements (points, labels, codes), as far as there is room, and their counts [part, label]."""
    elements = (
        np.empty((parts, room), point_dtype(math.prod(shape))),
        np.empty((parts, room), np.int32),
        np.empty((parts, room), np.uint8),
    )
    counts = np.zeros((parts, len(labels)), np.int64)
    run_in_parts(_scan, parts, volume, planar, labels, table, shape[0] * shape[1], *elements, counts)
    return elements, counts


@kernel
def _scan(part, parts, volume, planar, labels, table, lines, element_points, element_labels, neighbour_codes, counts):  # type: ignore[no-untyped-def]
    _, ny, nx = volume.shape
    room = element_points.shape[1]
    corners = 4 if planar else 8
    rows = np.zeros((corners // 2, nx + 2), volume.dtype)  # the rows around one line of cubes, padded with 0
    in_line, flags = np.empty(nx + 1, np.int64), np.empty(BLOCK, np.uint8)
    used = np.int64(0)
    for line in range(lines * part // parts, lines * (part + 1) // parts):
        _load_rows(volume, planar, line // (ny + 1), line % (ny + 1), rows)
        for i in range(_find_in_line(rows, in_line, flags)):
            x = in_line[i]
            done = np.int64(0)  # corners whose label has had its turn, as a code
            for corner in range(corners):
                if done >> (corners - 1 - corner) & 1:
                    continue
                value = rows[corner // 2, x + corner % 2]
                code = _neighbour_code(rows, x, value)
                done |= code
                label = find_label(value, labels, table) if value != 0 else np.int64(-1)
                if label >= 0:
                    if used < room:
                        element_points[part, used] = line * (nx + 1) + x
                        element_labels[part, used], neighbour_codes[part, used] = label, code
                    used += 1
                    counts[part, label] += 1


@kernel
def _distribute(part, parts, element_points, element_labels, neighbour_codes, used, cursors, points, codes):  # type: ignore[no-untyped-def]
    """Write one part's elements to the groups of their labels."""
    for i in range(used[part]):
        label = element_labels[part, i]
        points[cursors[part, label]] = element_points[part, i]
        codes[cursors[part, label]] = neighbour_codes[part, i]
        cursors[part, label] += 1


@kernel
def _load_rows(volume, planar, z, y, rows):  # type: ignore[no-untyped-def]
    nz, ny, nx = volume.shape
    for i in range(rows.shape[0]):
        row_z = z if planar else z - 1 + i // 2
        row_y = y - 1 + i % 2
        inside = 0 <= row_z < nz and 0 <= row_y < ny
        for x in range(nx):  # assigning slices would take four times as long to compile as all of this file
            rows[i, x + 1] = volume[row_z, row_y, x] if inside else 0


@kernel
def _find_in_line(rows, positions, flags):  # type: ignore[no-untyped-def]
    """Write the x of the line's cubes that hold more than one label, ascending, and return how many there are."""
    cubes = rows.shape[1] - 1
    count, done = np.int64(0), np.int64(0)
    if cubes >= BLOCK:
        for block in range((cubes + BLOCK - 1) // BLOCK):
            start = min(block * BLOCK, cubes - BLOCK)  # the last block may overlap the one before
            if not _is_uniform(rows, start):
                _flag_cubes(rows, start, flags)
                count = collect_flagged(flags, start, done, positions, count)
            done = start + BLOCK
    for x in range(done, cubes):
        differs = False
        for i in range(rows.shape[0]):
            differs |= (rows[i, x] != rows[0, x]) | (rows[i, x + 1] != rows[0, x])
        positions[count] = x
        count += differs
    return count


@kernel
def _is_uniform(rows, start):  # type: ignore[no-untyped-def]
    """Whether all cubes of a block hold one label."""
    first = rows[0, start]
    for i in range(rows.shape[0]):
        row = rows[i, start : start + BLOCK + 1]
        differs = False
        for x in range(BLOCK + 1):
            differs |= row[x] != first
        if differs:
            return False
    return True


@kernel
def _flag_cubes(rows, start, flags):  # type: ignore[no-untyped-def]
    stop = start + BLOCK
    here = rows[0, start:stop]
    flags[:] = 0
    for i in range(rows.shape[0]):
        flag_differing(here, rows[i, start:stop], rows[i, start + 1 : stop + 1], flags)


@kernel
def _neighbour_code(rows, x, value):  # type: ignore[no-untyped-def]
    """The corners of a cube that carry ``value``, as bits; the first corner is the highest."""
    code = np.int64(0)
    for i in range(rows.shape[0]):
        code = (code << 2) | (np.int64(rows[i, x] == value) << 1) | np.int64(rows[i, x + 1] == value)
    return code
