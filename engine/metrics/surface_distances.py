"""Distances between the two surfaces of every label: computed once, read by the conventions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.distance.nearest import nearest_squared, nearest_targets, offsets_in_mm
from maskwright.kernels.point_groups import PointGroups

_FEWEST_POINTS = 1 << 18
_VOXELS_A_POINT = 64  # distances held at once: an eighth of a byte a voxel


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances in mm of one label, in the order of the surface points.

    Attributes
    ----------
    there : float64[n]
        From each point of the reference's surface to the nearest of the prediction's.
    back : float64[m]
        From each point of the prediction's surface to the nearest of the reference's.
    """

    there: NDArray[np.float64]
    back: NDArray[np.float64]


Measure = Callable[[PointGroups, PointGroups], NDArray[np.float64]]


def surface_distances(
    reference: PointGroups, prediction: PointGroups, measure_mm: Measure
) -> Iterator[tuple[int, SurfaceDistances]]:
    """Yield (group, distances) for each group that has points on both sides, in batches that bound memory.

    ``measure_mm`` returns the distance from each point of its first argument to the nearest of its second.
    """
    most = max(_FEWEST_POINTS, math.prod(reference.shape) // _VOXELS_A_POINT)
    for first, last in _batches(reference.sizes + prediction.sizes, most):
        here, there = reference.between(first, last), prediction.between(first, last)
        forward, backward = measure_mm(here, there), measure_mm(there, here)
        for group in np.flatnonzero((here.sizes > 0) & (there.sizes > 0)):
            yield (
                first + int(group),
                SurfaceDistances(
                    forward[here.starts[group] : here.starts[group + 1]],
                    backward[there.starts[group] : there.starts[group + 1]],
                ),
            )


def exact_mm(lattice: Lattice) -> Measure:
    """Return the measure whose bits depend on nothing but the distances; see ``Lattice``."""
    return lambda queries, targets: lattice.to_mm(nearest_squared(queries, targets, lattice))


def scipy_mm(lattice: Lattice, spacing_mm: tuple[float, float, float]) -> Measure:
    """Return the measure that rounds as SciPy's distance transform does: 3 x 0.8 mm is 2.4000000000000004.

    The last bit decides where a tolerance is tested exactly, as surface-distance does.
    """
    return lambda queries, targets: offsets_in_mm(queries, nearest_targets(queries, targets, lattice), spacing_mm)


def _batches(sizes: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Yield half-open ranges of groups with at most ``most`` points, or one group of any size."""
    first, total = 0, 0
    for group, size in enumerate(sizes):
        if total and total + size > most:
            yield first, group
            first, total = group, 0
        total += int(size)
    if first < len(sizes):
        yield first, len(sizes)
