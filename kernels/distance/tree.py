"""A box tree over lattice points: points in Morton order, and above them levels of boxes of sixteen.

It answers the queries that are too far off for a search over neighbouring rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from maskwright.errors import GeometryError
from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.flat_index import split_index

_FAN = 16
_STACK = 16 * 16  # levels x fan: enough for 16**16 points
_QUERIES_A_JOB = 512
_LONGEST_SIDE = 1 << 21


def search_tree(
    queries: NDArray[Any], targets: NDArray[Any], lattice: Lattice
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return for each query the weighted square to the nearest target, and that target; flat C indices throughout.

    There must be a target. A side of more than 2**21 voxels is a ``GeometryError``: codes have 21 bits for each axis.
    """
    if max(lattice.shape) > _LONGEST_SIDE:
        raise GeometryError(
            f"the grid is {lattice.shape}; distances are measured on sides of up to {_LONGEST_SIDE} voxels"
        )
    codes = np.sort(_morton_codes(targets, lattice.shape))
    points = _decode(codes)
    boxes, level_starts = _build_levels(points)
    jobs = (len(queries) + _QUERIES_A_JOB - 1) // _QUERIES_A_JOB
    squared, nearest = np.empty(len(queries), np.float64), np.empty(len(queries), np.int64)
    shape, weights = np.array(lattice.shape), np.array(lattice.weights)
    _search(queries, points, boxes, level_starts, shape, weights, jobs, squared, nearest)
    return squared, nearest


@njit(cache=True)
def _spread(value):  # type: ignore[no-untyped-def]
    """Put two zero bits after each of the lowest 21 bits."""
    v = np.uint64(value) & np.uint64(0x1FFFFF)
    v = (v | (v << np.uint64(32))) & np.uint64(0x1F00000000FFFF)
    v = (v | (v << np.uint64(16))) & np.uint64(0x1F0000FF0000FF)
    v = (v | (v << np.uint64(8))) & np.uint64(0x100F00F00F00F00F)
    v = (v | (v << np.uint64(4))) & np.uint64(0x10C30C30C30C30C3)
    return (v | (v << np.uint64(2))) & np.uint64(0x1249249249249249)


@njit(cache=True)
def _gather(value):  # type: ignore[no-untyped-def]
    """Undo ``_spread``."""
    v = value & np.uint64(0x1249249249249249)
    v = (v | (v >> np.uint64(2))) & np.uint64(0x10C30C30C30C30C3)
    v = (v | (v >> np.uint64(4))) & np.uint64(0x100F00F00F00F00F)
    v = (v | (v >> np.uint64(8))) & np.uint64(0x1F0000FF0000FF)
    v = (v | (v >> np.uint64(16))) & np.uint64(0x1F00000000FFFF)
    return (v | (v >> np.uint64(32))) & np.uint64(0x1FFFFF)


@njit(cache=True)
def _morton_codes(points, shape):  # type: ignore[no-untyped-def]
    _, ny, nx = shape
    codes = np.empty(points.size, np.uint64)
    for i in range(points.size):
        line, x = split_index(points[i], nx, 1.0 / nx)
        z, y = split_index(line, ny, 1.0 / ny)
        codes[i] = (_spread(z) << np.uint64(2)) | (_spread(y) << np.uint64(1)) | _spread(x)
    return codes


@njit(cache=True)
def _decode(codes):  # type: ignore[no-untyped-def]
    points = np.empty((3, codes.size), np.int32)
    for i in range(codes.size):
        points[0, i] = _gather(codes[i] >> np.uint64(2))
        points[1, i] = _gather(codes[i] >> np.uint64(1))
        points[2, i] = _gather(codes[i])
    return points


@njit(cache=True)
def _build_levels(points):  # type: ignore[no-untyped-def]
    """Boxes [lower or upper corner x axis, node] of all levels, lowest level first, and where each level starts."""
    sizes, total = [np.int64((points.shape[1] + _FAN - 1) // _FAN)], np.int64(0)
    while sizes[-1] > _FAN:
        sizes.append((sizes[-1] + _FAN - 1) // _FAN)
    starts = np.zeros(len(sizes) + 1, np.int64)
    for level in range(len(sizes)):
        total += sizes[level]
        starts[level + 1] = total
    boxes = np.empty((6, total), np.int32)
    for level in range(len(sizes)):
        for node in range(sizes[level]):
            for axis in range(3):
                if level == 0:
                    low = points[axis, node * _FAN : (node + 1) * _FAN]
                    high = low
                else:
                    first = starts[level - 1] + node * _FAN
                    last = min(first + _FAN, starts[level])
                    low, high = boxes[axis, first:last], boxes[3 + axis, first:last]
                boxes[axis, starts[level] + node] = low.min()
                boxes[3 + axis, starts[level] + node] = high.max()
    return boxes, starts


@njit(parallel=True, cache=True)
def _search(queries, points, boxes, level_starts, shape, weights, jobs, squared, nearest):  # type: ignore[no-untyped-def]
    ny, nx = shape[1], shape[2]
    per_y, per_x = 1.0 / ny, 1.0 / nx
    for job in prange(jobs):
        bounds = np.empty(_FAN, np.float64)
        stack_bound = np.empty(_STACK, np.float64)
        stack_node = np.empty(_STACK, np.int64)
        stack_level = np.empty(_STACK, np.int64)
        place = np.int64(-1)
        for i in range(job * _QUERIES_A_JOB, min((job + 1) * _QUERIES_A_JOB, queries.size)):
            line, x = split_index(queries[i], nx, per_x)
            z, y = split_index(line, ny, per_y)
            best = np.inf
            if place >= 0:  # neighbours in the list are neighbours in space: the last answer is a good bound
                best = _point_square(points, place, z, y, x, weights)
            place, squared[i] = _descend(
                points, boxes, level_starts, z, y, x, weights, place, best, bounds, stack_bound, stack_node, stack_level
            )
            nearest[i] = (np.int64(points[0, place]) * ny + points[1, place]) * nx + points[2, place]


@njit(cache=True)
def _point_square(points, i, z, y, x, weights):  # type: ignore[no-untyped-def]
    dz, dy, dx = np.float64(points[0, i] - z), np.float64(points[1, i] - y), np.float64(points[2, i] - x)
    return weights[0] * dz * dz + weights[1] * dy * dy + weights[2] * dx * dx


@njit(cache=True)
def _descend(  # type: ignore[no-untyped-def]
    points, boxes, level_starts, z, y, x, weights, nearest, best, bounds, stack_bound, stack_node, stack_level
):
    top = level_starts.size - 2
    depth = 1
    stack_bound[0], stack_node[0], stack_level[0] = 0.0, 0, top + 1
    while depth > 0:
        depth -= 1
        if stack_bound[depth] >= best:
            continue
        node, level = stack_node[depth], stack_level[depth]
        if level == 0:
            for i in range(node * _FAN, min((node + 1) * _FAN, points.shape[1])):
                square = _point_square(points, i, z, y, x, weights)
                if square < best:
                    nearest, best = i, square
            continue
        first = level_starts[level - 1] + node * _FAN
        count = min(first + _FAN, level_starts[level]) - first
        _box_squares(boxes[:, first : first + count], z, y, x, weights, bounds)
        nearest_child, lowest = np.int64(-1), best
        for child in range(count):
            if bounds[child] < best:
                stack_bound[depth], stack_node[depth], stack_level[depth] = (
                    bounds[child],
                    node * _FAN + child,
                    level - 1,
                )
                if bounds[child] < lowest:
                    nearest_child, lowest = depth, bounds[child]
                depth += 1
        if nearest_child >= 0:  # the nearest child on top of the stack
            last = depth - 1
            stack_bound[last], stack_bound[nearest_child] = stack_bound[nearest_child], stack_bound[last]
            stack_node[last], stack_node[nearest_child] = stack_node[nearest_child], stack_node[last]
    return nearest, best


@njit(cache=True)
def _box_squares(boxes, z, y, x, weights, bounds):  # type: ignore[no-untyped-def]
    for i in range(boxes.shape[1]):
        dz = np.float64(max(boxes[0, i] - z, z - boxes[3, i], 0))
        dy = np.float64(max(boxes[1, i] - y, y - boxes[4, i], 0))
        dx = np.float64(max(boxes[2, i] - x, x - boxes[5, i], 0))
        bounds[i] = weights[0] * dz * dz + weights[1] * dy * dy + weights[2] * dx * dx
