"""Bands on the CPU: surfaces are grown by a ball as bits, 64 voxels a word, and met with the masks bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.point_groups import PointGroups

_SLAB = 16  # planes a job; each also looks at the planes that reach into it
_BITS = 64
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)  # its top six bits are different for every shift: the place of a lone bit
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
    first: NDArray[Any],
    second: NDArray[Any],
    labels: NDArray[np.uint64],
    first_surfaces: PointGroups,
    second_surfaces: PointGroups,
    boxes: NDArray[np.int64],
    reaches: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Count the bands of each label in slabs of its box; jobs and words are independent, so threads are too."""
    slabs = (boxes[:, 0, 1] - boxes[:, 0, 0] + _SLAB - 1) // _SLAB
    group = np.repeat(np.arange(len(labels)), slabs)
    start = boxes[group, 0, 0] + _SLAB * (np.arange(len(group)) - np.repeat(np.cumsum(slabs) - slabs, slabs))
    jobs = np.stack([group, start, np.minimum(start + _SLAB, boxes[group, 0, 1])], axis=1)
    counts = _count_jobs(
        *(first, second, labels, first_surfaces.points, first_surfaces.offsets),
        *(second_surfaces.points, second_surfaces.offsets, boxes, jobs, reaches),
    )
    sums = np.zeros((len(labels), 3), np.int64)
    np.add.at(sums, group, counts)
    return sums


@njit(parallel=True, cache=True)
def _count_jobs(  # type: ignore[no-untyped-def]
    first, second, labels, first_points, first_offsets, second_points, second_offsets, boxes, jobs, reaches
):
    counts = np.zeros((jobs.shape[0], 3), np.int64)
    for job in prange(jobs.shape[0]):
        group, z0, z1 = jobs[job]
        y0, y1, x0, x1 = boxes[group, 1, 0], boxes[group, 1, 1], boxes[group, 2, 0], boxes[group, 2, 1]
        shape = (z1 - z0, y1 - y0, (x1 - x0 + _BITS - 1) // _BITS)
        grown_first, grown_second = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
        _grow(
            first_points[first_offsets[group] : first_offsets[group + 1]], first.shape, z0, y0, x0, reaches, grown_first
        )
        _grow(
            second_points[second_offsets[group] : second_offsets[group + 1]],
            first.shape,
            z0,
            y0,
            x0,
            reaches,
            grown_second,
        )
        counts[job] = _count_bits(first, second, labels[group], z0, y0, x0, grown_first, grown_second)
    return counts


@njit(cache=True)
def _grow(points, shape, z0, y0, x0, reaches, grown):  # type: ignore[no-untyped-def]
    """Set the bits of all voxels of a slab within the ball around any of ``points``."""
    _, ny, nx = shape
    furthest_z, furthest_x = reaches[:, 0].max(), reaches[:, 2].max()
    spread = np.empty((furthest_x + 1, 3), np.uint64)  # a word grown by each reach, and what spills to either side
    i = np.searchsorted(points, (z0 - furthest_z) * ny * nx if z0 > furthest_z else 0)
    end = (z0 + grown.shape[0] + furthest_z) * ny * nx
    while i < points.size and points[i] < end:
        line, x = divmod(np.int64(points[i]), nx)
        word = (x - x0) // _BITS
        limit = line * nx + min(x0 + (word + 1) * _BITS, nx)
        bits = np.uint64(0)
        while i < points.size and points[i] < limit:
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


@njit(cache=True)
def _spread_word(bits, spread):  # type: ignore[no-untyped-def]
    spread[0, 0], spread[0, 1], spread[0, 2] = 0, bits, 0
    for reach in range(1, spread.shape[0]):
        shift, rest = np.uint64(reach), np.uint64(_BITS - reach)
        spread[reach, 0] = spread[reach - 1, 0] | (bits << rest)
        spread[reach, 1] = spread[reach - 1, 1] | (bits << shift) | (bits >> shift)
        spread[reach, 2] = spread[reach - 1, 2] | (bits >> rest)


@njit(cache=True)
def _count_bits(first, second, label, z0, y0, x0, grown_first, grown_second):  # type: ignore[no-untyped-def]
    in_first, in_second, in_both = np.int64(0), np.int64(0), np.int64(0)
    for z in range(grown_first.shape[0]):
        for y in range(grown_first.shape[1]):
            row_first, row_second = first[z0 + z, y0 + y], second[z0 + z, y0 + y]
            for word in range(grown_first.shape[2]):
                near_first, near_second = grown_first[z, y, word], grown_second[z, y, word]
                near = near_first | near_second
                start = x0 + word * _BITS
                if start + _BITS > first.shape[2]:  # a ball may reach over the edge of the image
                    near &= (np.uint64(1) << np.uint64(first.shape[2] - start)) - np.uint64(1)
                while near != 0:
                    lowest = near & (~near + np.uint64(1))
                    x = start + np.int64(_BIT_OF[(lowest * _DE_BRUIJN) >> np.uint64(58)])
                    a = (near_first & lowest != 0) & (row_first[x] == label)
                    b = (near_second & lowest != 0) & (row_second[x] == label)
                    in_first += a
                    in_second += b
                    in_both += a & b
                    near ^= lowest
    return in_first, in_second, in_both
