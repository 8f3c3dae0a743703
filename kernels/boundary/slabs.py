"""Boundaries on the CPU: surfaces are grown by a ball as bits, 64 voxels a word, and met with the masks bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.search import lower_bound
from maskwright.kernels.threads import kernel, run_in_parts, thread_count

_LEAST_POINTS = 1 << 14  # a thread
_SLAB = 16  # planes a job; each also looks at the planes that reach into it
_BITS = 64
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)  # its top six bits are different for every shift: they number a lone bit
_BIT_OF = np.zeros(_BITS, np.int8)
_BIT_OF[(np.uint64(1) << np.arange(_BITS, dtype=np.uint64)) * _DE_BRUIJN >> np.uint64(58)] = np.arange(_BITS)


def row_reaches(lattice: Lattice, limit: float) -> NDArray[np.int64]:
    """Return (dz, dy, reach along x) of every row that a ball of squared radius ``limit`` meets."""
    w_z, w_y, w_x = lattice.weights
    height = min(int(np.sqrt(limit / w_z)), lattice.shape[0] - 1)
    width = min(int(np.sqrt(limit / w_y)), lattice.shape[1] - 1)
    dz, dy = np.meshgrid(np.arange(-height, height + 1), np.arange(-width, width + 1), indexing="ij")
    left = limit - w_z * dz.astype(np.float64) ** 2 - w_y * dy.astype(np.float64) ** 2
    met = left >= 0
    reach = np.minimum(np.sqrt(left[met] / w_x), lattice.shape[2] - 1).astype(np.int64)
    return np.stack([dz[met], dy[met], reach], axis=1)


def count_in_slabs(
    masks: tuple[NDArray[Any], NDArray[Any]],
    labels: NDArray[np.uint64],
    surfaces: tuple[PointGroups, PointGroups],
    boxes: NDArray[np.int64],
    reaches: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Count the boundaries of each label in slabs of its box; jobs and words are independent, so threads are too."""
    slabs = (boxes[:, 0, 1] - boxes[:, 0, 0] + _SLAB - 1) // _SLAB
    group = np.repeat(np.arange(len(labels)), slabs)
    start = boxes[group, 0, 0] + _SLAB * (np.arange(len(group)) - np.repeat(np.cumsum(slabs) - slabs, slabs))
    jobs = np.stack([group, start, np.minimum(start + _SLAB, boxes[group, 0, 1])], axis=1)
    counts = np.zeros((len(jobs), 3), np.int64)
    run_in_parts(
        _count,
        thread_count(sum(len(surface.points) for surface in surfaces), _LEAST_POINTS),
        *(masks, labels, (surfaces[0].points, surfaces[1].points)),
        *((surfaces[0].offsets, surfaces[1].offsets), boxes, jobs, reaches, counts),
    )
    sums = np.zeros((len(labels), 3), np.int64)
    np.add.at(sums, group, counts)
    return sums


@kernel
def _count(part, parts, masks, labels, points, offsets, boxes, jobs, reaches, counts):  # type: ignore[no-untyped-def]
    """Count the jobs of one part; ``masks``, ``points`` and ``offsets`` are those of the reference and prediction."""
    _, ny, nx = masks[0].shape
    furthest_z, furthest_x = np.int64(0), np.int64(0)
    for row in range(reaches.shape[0]):
        furthest_z, furthest_x = max(furthest_z, reaches[row, 0]), max(furthest_x, reaches[row, 2])
    spread = np.empty((furthest_x + 1, 3), np.uint64)  # a word grown by each reach, and what spills to either side
    for job in range(part, jobs.shape[0], parts):
        group, z0, z1 = jobs[job, 0], jobs[job, 1], jobs[job, 2]
        y0, y1, x0, x1 = boxes[group, 1, 0], boxes[group, 1, 1], boxes[group, 2, 0], boxes[group, 2, 1]
        grown = np.zeros((2, z1 - z0, y1 - y0, (x1 - x0 + _BITS - 1) // _BITS), np.uint64)
        lowest, highest = max(z0 - furthest_z, 0) * ny * nx, (z1 + furthest_z) * ny * nx
        for side in range(2):
            first, last = offsets[side][group], offsets[side][group + 1]
            first = lower_bound(points[side], first, last, lowest)
            last = lower_bound(points[side], first, last, highest)
            _grow(points[side], first, last, ny, nx, z0, y0, x0, reaches, spread, grown[side])
        _count_bits(masks[0], masks[1], labels[group], z0, y0, x0, grown, counts[job])


@kernel
def _grow(points, first, last, ny, nx, z0, y0, x0, reaches, spread, grown):  # type: ignore[no-untyped-def]
    """Set the bits of all voxels of a slab within the ball around any of ``points[first:last]``."""
    i = first
    while i < last:
        line, x = np.int64(points[i]) // nx, np.int64(points[i]) % nx
        word = (x - x0) // _BITS
        limit = line * nx + min(x0 + (word + 1) * _BITS, nx)
        bits = np.uint64(0)
        while i < last and points[i] < limit:
            bits |= np.uint64(1) << np.uint64((np.int64(points[i]) - line * nx - x0) % _BITS)
            i += 1
        _spread_word(bits, spread)
        for row in range(reaches.shape[0]):
            z, y = line // ny + reaches[row, 0] - z0, line % ny + reaches[row, 1] - y0
            if 0 <= z < grown.shape[0] and 0 <= y < grown.shape[1]:
                reach = reaches[row, 2]
                grown[z, y, word] |= spread[reach, 1]
                if spread[reach, 0] != 0 and word > 0:
                    grown[z, y, word - 1] |= spread[reach, 0]
                if spread[reach, 2] != 0 and word + 1 < grown.shape[2]:
                    grown[z, y, word + 1] |= spread[reach, 2]


@kernel
def _spread_word(bits, spread):  # type: ignore[no-untyped-def]
    spread[0, 0], spread[0, 1], spread[0, 2] = 0, bits, 0
    for reach in range(1, spread.shape[0]):
        shift, rest = np.uint64(reach), np.uint64(_BITS - reach)
        spread[reach, 0] = spread[reach - 1, 0] | (bits << rest)
        spread[reach, 1] = spread[reach - 1, 1] | (bits << shift) | (bits >> shift)
        spread[reach, 2] = spread[reach - 1, 2] | (bits >> rest)


@kernel
def _count_bits(reference, prediction, label, z0, y0, x0, grown, counts):  # type: ignore[no-untyped-def]
    """Add the voxels of a slab that carry ``label`` and a bit: in the reference, in the prediction, in both."""
    nx = reference.shape[2]
    for z in range(grown.shape[1]):
        for y in range(grown.shape[2]):
            reference_row, prediction_row = reference[z0 + z, y0 + y], prediction[z0 + z, y0 + y]
            for word in range(grown.shape[3]):
                near_reference, near_prediction = grown[0, z, y, word], grown[1, z, y, word]
                near = near_reference | near_prediction
                start = x0 + word * _BITS
                if start + _BITS > nx:  # a ball may reach over the edge of the image
                    near &= (np.uint64(1) << np.uint64(nx - start)) - np.uint64(1)
                while near != 0:
                    lowest = near & (~near + np.uint64(1))
                    x = start + np.int64(_BIT_OF[(lowest * _DE_BRUIJN) >> np.uint64(58)])
                    in_reference = (near_reference & lowest != 0) & (reference_row[x] == label)
                    in_prediction = (near_prediction & lowest != 0) & (prediction_row[x] == label)
                    counts[0] += in_reference
                    counts[1] += in_prediction
                    counts[2] += in_reference & in_prediction
                    near ^= lowest
