"""Nearest points by rows: each query walks the other surface's rows in order of growing distance and stops early.

A walk that has passed ``_LONGEST_WALK`` rows gives up, and so do the queries after it for a while: they are far off,
and the box tree answers them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.boxes import group_boxes
from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.flat_index import split_index
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.search import lower_bound
from maskwright.kernels.threads import kernel, run_in_parts, thread_count

FAR = -1.0  # instead of a square: not found near by
_LEAST_QUERIES = 1 << 14  # a thread
_LONGEST_WALK = 96  # rows: a radius of about five voxels
_FEW_TARGETS = 32  # so many are looked at one by one
_MOST_ROWS_A_TARGET = 16  # points scattered through a larger box are left to the tree, which needs no table of its rows
_LONGEST_PAUSE = 64  # queries passed over after a walk in vain, doubled each time


def nearest_in_rows(
    queries: PointGroups,
    targets: PointGroups,
    jobs: NDArray[np.int64],
    lattice: Lattice,
    squared: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Write for each query the weighted square to the nearest target of its group, or ``FAR``.

    ``jobs`` holds (group, start, stop) rows that cover the queries. Groups without a target give ``FAR``. ``nearest``
    takes the flat index of the target, unless it is empty.
    """
    shape = np.array(lattice.shape)
    boxes = group_boxes(targets)[:, :2].reshape(-1, 4)
    table_offsets = np.zeros(len(targets) + 1, np.int64)
    box_rows = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
    dense = (targets.sizes > _FEW_TARGETS) & (box_rows <= _MOST_ROWS_A_TARGET * targets.sizes)
    np.cumsum(np.where(dense, box_rows + 1, 0), out=table_offsets[1:])
    rows = np.empty(table_offsets[-1], np.int64)
    _fill_row_tables(targets.points, targets.offsets, shape, boxes, table_offsets, rows)
    run_in_parts(
        _walk,
        thread_count(len(queries.points), _LEAST_QUERIES),
        *(queries.points, targets.points, targets.offsets, jobs, shape, np.array(lattice.weights)),
        *(boxes, table_offsets, rows, *_walk_order(lattice), squared, nearest),
    )


@lru_cache(maxsize=8)
def _walk_order(lattice: Lattice) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Return the nearest (dz, dy) row offsets and their squares, nearest first."""
    w_z, w_y, _ = lattice.weights
    reach_y = min(_LONGEST_WALK, lattice.shape[1] - 1)
    reach_z = min(_LONGEST_WALK, lattice.shape[0] - 1)
    dz, dy = np.meshgrid(np.arange(-reach_z, reach_z + 1), np.arange(-reach_y, reach_y + 1), indexing="ij")
    squares = (w_z * dz.astype(np.float64) ** 2 + w_y * dy.astype(np.float64) ** 2).ravel()
    nearest = np.argsort(squares, kind="stable")[:_LONGEST_WALK]
    return dz.ravel()[nearest].astype(np.int32), dy.ravel()[nearest].astype(np.int32), squares[nearest]


@kernel
def _fill_row_tables(targets, target_offsets, shape, boxes, table_offsets, rows):  # type: ignore[no-untyped-def]
    """For each row of each group's box, where its points start: one table after the other, where there is one."""
    per_y, per_x = 1.0 / shape[1], 1.0 / shape[2]
    for group in range(target_offsets.size - 1):
        filled, end = table_offsets[group], table_offsets[group + 1]
        if filled == end:
            continue
        z0, y0, height = boxes[group, 0], boxes[group, 2], boxes[group, 3] - boxes[group, 2]
        first_row = filled
        for i in range(target_offsets[group], target_offsets[group + 1]):
            line, _ = split_index(np.int64(targets[i]), shape[2], per_x)
            z, y = split_index(line, shape[1], per_y)
            row = first_row + (z - z0) * height + y - y0
            while filled <= row:
                rows[filled] = i
                filled += 1
        while filled < end:
            rows[filled] = target_offsets[group + 1]
            filled += 1


@kernel
def _walk(  # type: ignore[no-untyped-def]
    part,
    parts,
    queries,
    targets,
    offsets,
    jobs,
    shape,
    weights,
    boxes,
    table_offsets,
    rows,
    walk_z,
    walk_y,
    walk_square,
    squared,
    nearest,
):
    ny, nx = shape[1], shape[2]
    per_y, per_x = 1.0 / ny, 1.0 / nx
    for job in range(part, jobs.shape[0], parts):  # dealt out so that each thread gets a share of every group
        group, start, stop = jobs[job, 0], jobs[job, 1], jobs[job, 2]
        first, last = offsets[group], offsets[group + 1]
        table = rows[table_offsets[group] : table_offsets[group + 1]]
        pause, wait = np.int64(1), np.int64(0)
        for i in range(start, stop):
            few = last - first <= _FEW_TARGETS
            if first == last or wait > 0 or not (few or table.size > 0):
                squared[i] = FAR
                wait -= 1
                continue
            line, x = split_index(np.int64(queries[i]), nx, per_x)
            z, y = split_index(line, ny, per_y)
            if few:
                squared[i], target = _nearest_of_few(targets[first:last], z, y, x, nx, ny, weights)
            else:
                squared[i], target = _nearest(
                    targets, table, boxes[group], z, y, x, nx, ny, weights[2], walk_z, walk_y, walk_square
                )
            if nearest.size > 0:
                nearest[i] = target
            if squared[i] == FAR:
                wait, pause = pause, min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = np.int64(1)


@kernel
def _nearest_of_few(targets, z, y, x, nx, ny, weights):  # type: ignore[no-untyped-def]
    best, nearest = np.inf, np.int64(-1)
    for i in range(targets.size):
        target = np.int64(targets[i])
        line, target_x = target // nx, target % nx
        target_z, target_y = line // ny, line % ny
        dz, dy, dx = np.float64(target_z - z), np.float64(target_y - y), np.float64(target_x - x)
        square = weights[0] * dz * dz + weights[1] * dy * dy + weights[2] * dx * dx
        if square < best:
            best, nearest = square, target
    return best, nearest


@kernel
def _nearest(targets, table, box, z, y, x, nx, ny, w_x, walk_z, walk_y, walk_square):  # type: ignore[no-untyped-def]
    best, nearest = np.inf, np.int64(-1)
    z0, z1, y0, y1 = box[0], box[1], box[2], box[3]
    for step in range(walk_square.size):
        if walk_square[step] >= best:
            return best, nearest
        row_z, row_y = z + walk_z[step], y + walk_y[step]
        if row_z < z0 or row_z >= z1 or row_y < y0 or row_y >= y1:
            continue
        row = (row_z - z0) * (y1 - y0) + row_y - y0
        first, last = table[row], table[row + 1]
        if first == last:
            continue
        wanted = (row_z * ny + row_y) * nx + x
        after = lower_bound(targets, first, last, wanted)
        if after < last:
            dx = np.float64(np.int64(targets[after]) - wanted)
            if walk_square[step] + w_x * dx * dx < best:
                best, nearest = walk_square[step] + w_x * dx * dx, np.int64(targets[after])
        if after > first:
            dx = np.float64(wanted - np.int64(targets[after - 1]))
            if walk_square[step] + w_x * dx * dx < best:
                best, nearest = walk_square[step] + w_x * dx * dx, np.int64(targets[after - 1])
    if best > walk_square[-1]:
        return FAR, np.int64(-1)
    return best, nearest
