"""The flow network of a grid: a node for each voxel to decide, as a row of whole numbers.

The search reads a row at once, 64 bytes or one cache line: the numbers of a node's neighbours, the residual capacity of
the edge to each, its excess and its position in the search trees (see ``search_trees``). Slot ``2a`` of a node leads to
the next voxel along an axis and ``2a + 1`` to the one before, so the way back from ``slot`` is
``slot ^ 1``; axes are counted from the last: x is 0, y is 1, z is 2. One more row stands for all that is no node:
its edges carry nothing, so that a loop over neighbours needs no test for the grid's border.
"""

from __future__ import annotations

import math

import numpy as np

from maskwright.kernels.threads import kernel

# The columns of a row. Neighbours are the first six; RESIDUAL is the first of six more.
RESIDUAL, EXCESS, LEVEL, PARENT, WAITS, COLUMNS = 6, 12, 13, 14, 15, 16

FINE, BAD_COST, BAD_WEIGHT, NO_CHOICE = 0, 1, 2, 3

# The largest weight becomes less than 2**28: six of them, and both directions of an edge in one residual, fit int32.
_BITS = 28
# More than all weights at a node, and few enough bits to be exact.
_FAR = float(1 << 40)


def scale(largest: float) -> float:
    """Return the power of two that brings the largest weight to ``[2**27, 2**28)``.

    Without weights, one by which any difference of two float32 costs decides.
    """
    return 2.0**200 if largest == 0 else math.ldexp(1.0, _BITS - math.frexp(largest)[1])


@kernel
def examine(voxels, sizes, inside, outside, weights):  # type: ignore[no-untyped-def]
    """Return what is wrong with the values that the voxels need (FINE if nothing), and the largest weight."""
    largest = np.float32(0)
    row_end = row = 0
    indices = (0, 0, 0)
    for voxel in voxels:
        # NaN fails every comparison, so each cost is tested by itself.
        if not (inside[voxel] >= 0 and outside[voxel] >= 0):
            return BAD_COST, largest
        if min(inside[voxel], outside[voxel]) == np.inf:
            return NO_CHOICE, largest
        if voxel >= row_end:
            row = voxel // sizes[0]
            row_end = (row + 1) * sizes[0]
            indices = (0, row % sizes[1], row // sizes[1])
        stride = 1
        for axis in range(len(weights)):
            index = voxel - row * sizes[0] if axis == 0 else indices[axis]
            for before in range(2):
                if 0 <= index - before < sizes[axis] - 1:
                    weight = weights[axis][voxel - before * stride]
                    if not 0 <= weight < np.inf:
                        return BAD_WEIGHT, largest
                    largest = max(largest, weight)
            stride *= sizes[axis]
    return FINE, largest


@kernel
def build(voxels, sizes, inside, outside, weights, fixed, factor):  # type: ignore[no-untyped-def]
    """Return the rows of the nodes, which are in no tree yet.

    ``voxels`` are flat C indices, ascending; ``sizes`` and ``weights`` go from the last axis to the first. EXCESS is
    the capacity from the source to the node or, below 0, from the node to the sink: the flow straight through it is
    taken out. Neighbours that are not to be decided add their weights to it, by their value in ``fixed``.
    """
    count = voxels.size
    nodes = np.zeros((count + 1, COLUMNS), np.int32)
    nodes[:, :RESIDUAL] = count
    # For each axis a finger in `voxels`, a step along the axis ahead of the node: no map of the whole grid is needed.
    fingers = np.zeros(3, np.int64)
    row_end = row = 0
    indices = (0, 0, 0)
    for node in range(count):
        voxel = voxels[node]
        if voxel >= row_end:
            row = voxel // sizes[0]
            row_end = (row + 1) * sizes[0]
            indices = (0, row % sizes[1], row // sizes[1])
        total = 0
        # To leave the voxel outside is to cut the edge from the source, which carries the cost of that.
        balance = (np.float64(outside[voxel]) - np.float64(inside[voxel])) * factor
        balance = np.int64(np.rint(min(max(balance, -_FAR), _FAR)))
        stride = 1
        for axis in range(len(weights)):
            index = voxel - row * sizes[0] if axis == 0 else indices[axis]
            if nodes[node, 2 * axis + 1] < count:
                total += nodes[node, RESIDUAL + 2 * axis + 1]
            elif index > 0:
                weight = np.int64(np.rint(weights[axis][voxel - stride] * factor))
                balance += weight if fixed[voxel - stride] else -weight
            if index + 1 < sizes[axis]:
                weight = np.int64(np.rint(weights[axis][voxel] * factor))
                other = _first_not_before(voxels, voxel + stride, fingers[axis])
                fingers[axis] = other
                if other < count and voxels[other] == voxel + stride:
                    nodes[node, 2 * axis] = other
                    nodes[other, 2 * axis + 1] = node
                    nodes[node, RESIDUAL + 2 * axis] = weight
                    nodes[other, RESIDUAL + 2 * axis + 1] = weight
                    total += weight
                else:
                    balance += weight if fixed[voxel + stride] else -weight
            stride *= sizes[axis]
        # What is more than all weights to other nodes decides the voxel alone: to clamp it there changes no cut.
        nodes[node, EXCESS] = min(max(balance, -total - 1), total + 1)
    return nodes


@kernel
def _first_not_before(voxels, voxel, index):  # type: ignore[no-untyped-def]
    while index < voxels.size and voxels[index] < voxel:
        index += 1
    return index
