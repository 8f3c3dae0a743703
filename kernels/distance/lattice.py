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


@dataclass(frozen=True)
class Lattice:
    """A (z, y, x) grid with whole weights; a 2-D image is one plane.

    Attributes
    ----------
    shape : (nz, ny, nx)
    weights : (w_z, w_y, w_x), whole numbers in float64
    unit_mm : float
        ``distance_mm = unit_mm * sqrt(weighted square)``.
    """

    shape: tuple[int, int, int]
    weights: tuple[float, float, float]
    unit_mm: float

    def to_mm(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return distances in mm from weighted squares; infinity stays infinity."""
        return np.asarray(np.sqrt(squared) * self.unit_mm)


def make_lattice(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Lattice:
    """Return the lattice of a grid.

    Where the ratios of the spacings are fractions with denominators up to 1000, as scanners write them, the weights
    are exact. Else they are rounded to the last bit that keeps every sum over the grid below 2**53: a relative error
    under 1e-9 for grids up to 2048 voxels a side.
    """
    weights = _rational_weights(spacing_mm)
    if weights is not None and _largest_square(shape, weights[0]) < _EXACT:
        return Lattice(shape, *weights)
    longest = max(spacing_mm)
    relative = [(value / longest) ** 2 for value in spacing_mm]
    bits = math.floor(math.log2(_EXACT / max(1.0, _largest_square(shape, (1.0, 1.0, 1.0))))) - 1
    scale = 2.0**bits
    z, y, x = (float(max(1, round(value * scale))) for value in relative)
    return Lattice(shape, (z, y, x), longest / math.sqrt(scale))


def _rational_weights(spacing_mm: tuple[float, float, float]) -> tuple[tuple[float, float, float], float] | None:
    shortest = min(spacing_mm)
    ratios = [Fraction(value / shortest).limit_denominator(_LARGEST_DENOMINATOR) for value in spacing_mm]
    if any(abs(float(ratio) * shortest / value - 1) > 1e-12 for ratio, value in zip(ratios, spacing_mm)):
        return None
    common = math.lcm(*(ratio.denominator for ratio in ratios))
    z, y, x = (float((ratio * common) ** 2) for ratio in ratios)
    return (z, y, x), shortest / common


def _largest_square(shape: tuple[int, int, int], weights: tuple[float, float, float]) -> float:
    return sum(weight * float(size) ** 2 for weight, size in zip(weights, shape))
