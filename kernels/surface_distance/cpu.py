"""Reduced surface distances on the CPU, in batches of labels so that few distances are in memory at once."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.distance.nearest import nearest_squared, nearest_targets, offsets_in_mm
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface import SurfaceElements
from maskwright.kernels.surface_distance.percentile import percentiles_by_area, percentiles_by_selection
from maskwright.kernels.surface_distance.records import DirectedDistancesByLabel, SurfaceDistances, join
from maskwright.kernels.surface_distance.sums import reduce_points, sum_groups

Floats = NDArray[np.float64]

_FEWEST_POINTS = 1 << 18
_VOXELS_A_POINT = 64  # distances in memory at once: an eighth of a byte a voxel


def surface_distances(
    reference: PointGroups,
    prediction: PointGroups,
    lattice: Lattice,
    percentiles: tuple[float, ...],
    pooled_percentiles: tuple[float, ...],
    tolerances_mm: tuple[float, ...],
) -> SurfaceDistances:
    """Return the reduced distances of checked groups; see the family's docstring."""

    def reduce(distances: Floats, offsets: NDArray[np.int64]) -> DirectedDistancesByLabel:
        weight, maximum, total, within = reduce_points(distances, offsets, lattice, tolerances_mm)
        return DirectedDistancesByLabel(
            weight, maximum, total, percentiles_by_selection(distances, offsets, percentiles), within
        )

    parts = []
    for start, stop in _batches(reference, prediction):
        ours, theirs = reference.between(start, stop), prediction.between(start, stop)
        # Squares, which become mm in place.
        forward, backward = nearest_squared(ours, theirs, lattice), nearest_squared(theirs, ours, lattice)
        directed = reduce(forward, ours.offsets), reduce(backward, theirs.offsets)
        both = _pool(forward, ours.offsets, backward, theirs.offsets) if pooled_percentiles else np.empty(0)
        pooled = percentiles_by_selection(both, ours.offsets + theirs.offsets, pooled_percentiles)
        parts.append(SurfaceDistances(*directed, pooled))
    return join(parts)


def element_distances(
    reference: SurfaceElements,
    prediction: SurfaceElements,
    lattice: Lattice,
    spacing_mm: tuple[float, float, float],
    percentiles: tuple[float, ...],
    tolerances_mm: tuple[float, ...],
) -> SurfaceDistances:
    """Return the reduced distances of checked elements; see the family's docstring."""
    furthest_mm = math.hypot(*(size * step for size, step in zip(lattice.shape, spacing_mm, strict=True)))

    def reduce(queries: PointGroups, targets: PointGroups, areas: Floats) -> DirectedDistancesByLabel:
        distances = offsets_in_mm(queries, nearest_targets(queries, targets, lattice), spacing_mm)
        offsets, largest = queries.offsets, float(areas.max(initial=0.0))
        within = [sum_groups(np.where(distances <= mm, areas, 0.0), offsets, largest) for mm in tolerances_mm]
        return DirectedDistancesByLabel(
            sum_groups(areas, offsets, largest),
            _maxima(distances, offsets),
            sum_groups(distances * areas, offsets, largest * furthest_mm),
            percentiles_by_area(distances, areas, offsets, percentiles),
            np.stack(within, axis=1) if within else np.empty((len(queries), 0)),
        )

    parts = []
    for start, stop in _batches(reference.points, prediction.points):
        ours, theirs = reference.between(start, stop), prediction.between(start, stop)
        forward = reduce(ours.points, theirs.points, ours.areas)
        backward = reduce(theirs.points, ours.points, theirs.areas)
        parts.append(SurfaceDistances(forward, backward, np.empty((stop - start, 0))))
    return join(parts)


def _maxima(distances: Floats, offsets: NDArray[np.int64]) -> Floats:
    maxima = np.full(len(offsets) - 1, np.nan)
    filled = np.flatnonzero(np.diff(offsets))
    if len(filled):
        maxima[filled] = np.maximum.reduceat(distances, offsets[filled])
    return maxima


def _pool(
    forward: Floats, forward_offsets: NDArray[np.int64], backward: Floats, backward_offsets: NDArray[np.int64]
) -> Floats:
    """Return the distances of both directions, group by group."""
    pieces = [
        piece
        for group in range(len(forward_offsets) - 1)
        for piece in (
            forward[forward_offsets[group] : forward_offsets[group + 1]],
            backward[backward_offsets[group] : backward_offsets[group + 1]],
        )
    ]
    return np.concatenate([np.empty(0), *pieces])


def _batches(reference: PointGroups, prediction: PointGroups) -> Iterator[tuple[int, int]]:
    """Yield half-open ranges of groups whose points fit the memory, or one group of any size; at least one range."""
    most = max(_FEWEST_POINTS, math.prod(reference.shape) // _VOXELS_A_POINT)
    start, total = 0, 0
    for group, size in enumerate((reference.sizes + prediction.sizes).tolist()):
        if total and total + size > most:
            yield start, group
            start, total = group, 0
        total += size
    yield start, len(reference)
