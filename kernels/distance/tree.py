"""A box tree over lattice points: points in Morton order, and above them levels of boxes of sixteen.

It answers the queries that are too far off for a search over neighbouring rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import GeometryError
from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.flat_index import split_index
from maskwright.kernels.threads import kernel, run_in_parts, thread_count

_FAN = 16
_STACK = 16 * 16  # levels x fan: enough for 16**16 points
_QUERIES_A_JOB = 512
_LEAST_QUERIES = 1 << 14  # a thread
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
    level_offsets = _level_offsets(len(targets))
    boxes = np.empty((6, level_offsets[-1]), np.int32)
    _build_levels(points, level_offsets, boxes)
    squared, nearest = np.empty(len(queries), np.float64), np.empty(len(queries), np.int64)
    given = (queries, points, boxes, level_offsets, np.array(lattice.shape), np.array(lattice.weights))
    run_in_parts(_search, thread_count(len(queries), _LEAST_QUERIES), *given, squared, nearest)
    return squared, nearest


def _level_offsets(points: int) -> NDArray[np.int64]:
    """Return where the boxes of each level start, and where the last level ends; the lowest level comes first."""
    sizes = [-(-points // _FAN)]
    while sizes[-1] > _FAN:
        sizes.append(-(-sizes[-1] // _FAN))
    return np.cumsum([0, *sizes])


@kernel
def _spread(value):  # type: ignore[no-untyped-def]
    """Put two zero bits after each of the lowest 21 bits."""
    v = np.uint64(value) & np.uint64(0x1FFFFF)
    v = (v | (v << np.uint64(32))) & np.uint64(0x1F00000000FFFF)
    v = (v | (v << np.uint64(16))) & np.uint64(0x1F0000FF0000FF)
    v = (v | (v << np.uint64(8))) & np.uint64(0x100F00F00F00F00F)
    v = (v | (v << np.uint64(4))) & np.uint64(0x10C30C30C30C30C3)
    return (v | (v << np.uint64(2))) & np.uint64(0x1249249249249249)


@kernel
def _gather(value):  # type: ignore[no-untyped-def]
    """Undo ``_spread``."""
    v = value & np.uint64(0x1249249249249249)
    v = (v | (v >> np.uint64(2))) & np.uint64(0x10C30C30C30C30C3)
    v = (v | (v >> np.uint64(4))) & np.uint64(0x100F00F00F00F00F)
    v = (v | (v >> np.uint64(8))) & np.uint64(0x1F0000FF0000FF)
    v = (v | (v >> np.uint64(16))) & np.uint64(0x1F00000000FFFF)
    return (v | (v >> np.uint64(32))) & np.uint64(0x1FFFFF)


@kernel
def _morton_codes(points, shape):  # type: ignore[no-untyped-def]
    _, ny, nx = shape
    codes = np.empty(points.size, np.uint64)
    for i in range(points.size):
        line, x = split_index(np.int64(points[i]), nx, 1.0 / nx)
        z, y = split_index(line, ny, 1.0 / ny)
        codes[i] = (_spread(z) << np.uint64(2)) | (_spread(y) << np.uint64(1)) | _spread(x)
    return codes


@kernel
def _decode(codes):  # type: ignore[no-untyped-def]
    points = np.empty((3, codes.size), np.int32)
    for i in range(codes.size):
        points[0, i] = _gather(codes[i] >> np.uint64(2))
        points[1, i] = _gather(codes[i] >> np.uint64(1))
        points[2, i] = _gather(codes[i])
    return points


@kernel
def _build_levels(points, level_offsets, boxes):  # type: ignore[no-untyped-def]
    """Write the boxes [lower or upper corner x axis, node] of all levels."""
    for axis in range(3):
        for node in range(level_offsets[1]):
            first = node * _FAN
            low = high = points[axis, first]
            for i in range(first + 1, min(first + _FAN, points.shape[1])):
                low, high = min(low, points[axis, i]), max(high, points[axis, i])
            boxes[axis, node], boxes[3 + axis, node] = low, high
        for level in range(1, level_offsets.size - 1):
            start, end = level_offsets[level], level_offsets[level + 1]
            for node in range(start, end):
                first = level_offsets[level - 1] + (node - start) * _FAN
                low, high = boxes[axis, first], boxes[3 + axis, first]
                for i in range(first + 1, min(first + _FAN, start)):
                    low, high = min(low, boxes[axis, i]), max(high, boxes[3 + axis, i])
                boxes[axis, node], boxes[3 + axis, node] = low, high


@kernel
def _search(part, parts, queries, points, boxes, level_offsets, shape, weights, squared, nearest):  # type: ignore[no-untyped-def]
    ny, nx = shape[1], shape[2]
    per_y, per_x = 1.0 / ny, 1.0 / nx
    bounds, stack_bound = np.empty(_FAN, np.float64), np.empty(_STACK, np.float64)
    stack_node, stack_level = np.empty(_STACK, np.int64), np.empty(_STACK, np.int64)
    for job in range(part, (queries.size + _QUERIES_A_JOB - 1) // _QUERIES_A_JOB, parts):
        answer = np.int64(-1)
        for i in range(job * _QUERIES_A_JOB, min((job + 1) * _QUERIES_A_JOB, queries.size)):
            line, x = split_index(np.int64(queries[i]), nx, per_x)
            z, y = split_index(line, ny, per_y)
            best = np.inf
            if answer >= 0:  # neighbours in the list are neighbours in space: the last answer is a good bound
                best = _point_square(points, answer, z, y, x, weights)
            answer, squared[i] = _descend(
                points,
                boxes,
                level_offsets,
                z,
                y,
                x,
                weights,
                answer,
                best,
                bounds,
                stack_bound,
                stack_node,
                stack_level,
            )
            nearest[i] = (np.int64(points[0, answer]) * ny + points[1, answer]) * nx + points[2, answer]


@kernel
def _point_square(points, i, z, y, x, weights):  # type: ignore[no-untyped-def]
    dz, dy, dx = np.float64(points[0, i] - z), np.float64(points[1, i] - y), np.float64(points[2, i] - x)
    return weights[0] * dz * dz + weights[1] * dy * dy + weights[2] * dx * dx


@kernel
def _descend(  # type: ignore[no-untyped-def]
    points, boxes, level_offsets, z, y, x, weights, nearest, best, bounds, stack_bound, stack_node, stack_level
):
    top = level_offsets.size - 2
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
        first = level_offsets[level - 1] + node * _FAN
        count = min(first + _FAN, level_offsets[level]) - first
        _box_squares(boxes, first, count, z, y, x, weights, bounds)
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


@kernel
def _box_squares(boxes, first, count, z, y, x, weights, bounds):  # type: ignore[no-untyped-def]
    for child in range(count):
        i = first + child
        dz = np.float64(max(boxes[0, i] - z, z - boxes[3, i], 0))
        dy = np.float64(max(boxes[1, i] - y, y - boxes[4, i], 0))
        dx = np.float64(max(boxes[2, i] - x, x - boxes[5, i], 0))
        bounds[child] = weights[0] * dz * dz + weights[1] * dy * dy + weights[2] * dx * dx
