"""Sums, maxima and counts of grouped distances; whole numbers are added, so the order of the points is free."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.threads import kernel

# Terms are rounded down to multiples of a power of two that brings the largest below 2**62. The upper and the lower
# half of these whole numbers are added apart, so that 2**31 of them do not overflow.
_BITS = 62
_LARGEST_EXPONENT = 1000


def reduce_points(
    squares: NDArray[np.float64], offsets: NDArray[np.int64], lattice: Lattice, tolerances_mm: tuple[float, ...]
) -> tuple[NDArray[np.float64], ...]:
    """Return the number, maximum, sum and counts within each tolerance of each group; squares become mm in place."""
    groups = len(offsets) - 1
    maxima, halves = np.full(groups, np.nan), np.zeros((groups, 2), np.int64)
    within = np.zeros((groups, len(tolerances_mm)), np.int64)
    furthest = math.sqrt(sum(weight * size**2 for weight, size in zip(lattice.weights, lattice.shape, strict=True)))
    scale = _scale(furthest)
    _reduce(squares, offsets, lattice.unit_mm, np.array(tolerances_mm, np.float64), scale, maxima, halves, within)
    sums = np.where(np.isinf(maxima), np.inf, _whole(halves) / scale * lattice.unit_mm)
    return np.diff(offsets).astype(np.float64), maxima, sums, within.astype(np.float64)


def sum_groups(terms: NDArray[np.float64], offsets: NDArray[np.int64], largest: float) -> NDArray[np.float64]:
    """Return the sum of each group's terms, none of them negative or above ``largest``; infinite with an infinite one.

    A group without terms is 0.
    """
    filled = np.flatnonzero(np.diff(offsets))
    halves, infinite = np.zeros((len(offsets) - 1, 2), np.int64), np.zeros(len(offsets) - 1, np.bool_)
    scale = _scale(largest)
    if len(filled):
        beyond = np.isinf(terms)
        whole = (np.where(beyond, 0.0, terms) * scale).astype(np.int64)
        halves[filled, 0] = np.add.reduceat(whole >> 32, offsets[filled])
        halves[filled, 1] = np.add.reduceat(whole & 0xFFFFFFFF, offsets[filled])
        infinite[filled] = np.logical_or.reduceat(beyond, offsets[filled])
    return np.where(infinite, np.inf, _whole(halves) / scale)


def _scale(largest: float) -> float:
    """Return the power of two that brings ``largest`` to [2**61, 2**62)."""
    return math.ldexp(1.0, min(_BITS - math.frexp(largest)[1], _LARGEST_EXPONENT))


def _whole(halves: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(halves[:, 0] * 2.0**32 + halves[:, 1])


@kernel
def _reduce(squares, offsets, unit_mm, tolerances_mm, scale, maxima, halves, within):  # type: ignore[no-untyped-def]
    for group in range(offsets.size - 1):
        furthest, upper, lower = -1.0, np.int64(0), np.int64(0)
        for i in range(offsets[group], offsets[group + 1]):
            steps = math.sqrt(squares[i])
            mm = steps * unit_mm
            squares[i] = mm
            furthest = max(furthest, mm)
            if steps < np.inf:
                whole = np.int64(steps * scale)
                upper += whole >> 32
                lower += whole & 0xFFFFFFFF
            for k in range(tolerances_mm.size):
                within[group, k] += mm <= tolerances_mm[k]
        halves[group, 0], halves[group, 1] = upper, lower
        if furthest >= 0:
            maxima[group] = furthest
