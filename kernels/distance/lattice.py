"""Exact squared distances on a voxel lattice: integers wherever the spacing allows.

A squared distance is ``unit_mm**2 * (w_z dz**2 + w_y dy**2 + w_x dx**2)`` with whole weights w, so that the sums are
exact in float64 and do not depend on the order of the axes, of the search or of the threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_LARGEST_DENOMINATOR = 1000
_EXACT = 2.0**53
_LARGEST_ERROR = 1e-9  # of a distance; half of that of its square


@dataclass(frozen=True)
class Lattice:
    """A (z, y, x) grid with whole weights; a 2-D image is one plane.

    Attributes
    ----------
    shape : (nz, ny, nx)
    weights : (w_z, w_y, w_x), whole numbers in float64 (but see ``make_lattice``)
    unit_mm : float
        ``distance_mm = unit_mm * sqrt(weighted square)``.
    """

    shape: tuple[int, int, int]
    weights: tuple[float, float, float]
    unit_mm: float

    def to_mm(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return distances in mm from weighted squares; infinity stays infinity."""
        distances = np.asarray(np.sqrt(squared))
        distances *= self.unit_mm
        return distances


def make_lattice(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Lattice:
    """Return the lattice of a grid.

    Where the ratios of the spacings are fractions with denominators up to 1000, as scanners write them, the weights
    are exact. Else they are rounded to whole numbers whose sums over the grid stay below 2**53, the shortest spacing
    and those equal to it exactly. Where that would move a distance by more than 1e-9 of itself (three different
    spacings on a grid that is large, or of very long voxels), the weights are not whole: distances are right to the
    last bits of a float64, and these may depend on the way of the search.
    """
    weights = _rational_weights(spacing_mm)
    if weights is None or _largest_square(shape, weights[0]) >= _EXACT:
        weights = _rounded_weights(shape, spacing_mm)
    return Lattice(shape, *weights)


def _rational_weights(spacing_mm: tuple[float, float, float]) -> tuple[tuple[float, float, float], float] | None:
    shortest = min(spacing_mm)
    ratios = [Fraction(value / shortest).limit_denominator(_LARGEST_DENOMINATOR) for value in spacing_mm]
    if any(abs(float(ratio) * shortest / value - 1) > 1e-12 for ratio, value in zip(ratios, spacing_mm)):
        return None
    common = math.lcm(*(ratio.denominator for ratio in ratios))
    z, y, x = (float((ratio * common) ** 2) for ratio in ratios)
    return (z, y, x), shortest / common


def _rounded_weights(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]
) -> tuple[tuple[float, float, float], float]:
    shortest = min(spacing_mm)
    z, y, x = ((value / shortest) ** 2 for value in spacing_mm)
    # The weight of the shortest spacing is a square, so that its steps are whole numbers of units.
    units = math.isqrt(max(0, math.floor(_EXACT / max(1.0, _largest_square(shape, (z, y, x))) - 1)))
    whole = [float(round(weight * units**2)) for weight in (z, y, x)]
    walked = [(value, weight) for value, weight, size in zip(whole, (z, y, x), shape) if size > 1]
    if units == 0 or any(abs(value / (weight * units**2) - 1) > 2 * _LARGEST_ERROR for value, weight in walked):
        return (z, y, x), shortest
    return (whole[0], whole[1], whole[2]), shortest / units


def _largest_square(shape: tuple[int, int, int], weights: tuple[float, float, float]) -> float:
    # Sorted, so that the last bit does not depend on the order of the axes.
    return sum(sorted(weight * float(size - 1) ** 2 for weight, size in zip(weights, shape)))
