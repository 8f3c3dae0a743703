"""The distances and boundary counts of labels, from the kernels to one record for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.metrics.columns import Column
from maskwright.engine.metrics.inputs import BoundaryCounts, DirectedDistances, Distances, LabelPair
from maskwright.engine.metrics.options import CompareOptions
from maskwright.kernels import surface_distance
from maskwright.kernels.boundary import count_boundary_voxels
from maskwright.kernels.distance.lattice import Lattice, make_lattice
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface import find_elements, find_surfaces
from maskwright.kernels.surface_distance import element_distances, surface_distances

_SLACK = 1 + 1e-9  # 3 x 0.8 mm is 2.4000000000000004 and must count as 2.4

Labels = NDArray[np.uint64]


@dataclass(frozen=True)
class SurfaceInputs:
    """The inputs of one label that come from surfaces; its boundary counts by tolerance in mm."""

    distances: Distances | None
    boundaries: Mapping[float, BoundaryCounts]


def surface_inputs(
    pair: LabelPair, columns: Mapping[int, Sequence[Column]], options: CompareOptions
) -> dict[int, SurfaceInputs]:
    """Return the inputs of the labels whose metrics need any; both arrays must hold each of them."""
    needs = {
        label: {column.metric.needs for column in chosen if column.metric.function(options.convention)}
        for label, chosen in columns.items()
    }
    labels = [label for label in columns if needs[label] & {"distances", "boundaries"}]
    if not labels:
        return {}
    wanted = np.array(labels, dtype=np.uint64)
    boundary_tolerances_mm = options.tolerances_mm if any("boundaries" in needs[label] for label in labels) else ()
    percentiles = _percentiles(columns, options)
    if options.convention == "deepmind":
        distances = _between_elements(pair, wanted, percentiles, options)
        surfaces = _surfaces(pair, wanted) if boundary_tolerances_mm else None
    else:
        surfaces = _surfaces(pair, wanted)
        distances = _between_voxels(pair, surfaces, percentiles, options)
    counts = {mm: _boundary_counts(pair, wanted, surfaces, mm) for mm in boundary_tolerances_mm} if surfaces else {}
    return {
        label: SurfaceInputs(distances[index], {mm: counts[mm][index] for mm in counts})
        for index, label in enumerate(labels)
    }


def _percentiles(columns: Mapping[int, Sequence[Column]], options: CompareOptions) -> tuple[float, ...]:
    """Return the percentiles of the options, and those that a metric reads besides."""
    read = [percentile for chosen in columns.values() for column in chosen for percentile in column.metric.percentiles]
    return tuple(dict.fromkeys((*options.percentiles, *map(float, read))))


def _surfaces(pair: LabelPair, labels: Labels) -> tuple[PointGroups, PointGroups]:
    return find_surfaces(pair.reference, labels), find_surfaces(pair.prediction, labels)


def _between_voxels(
    pair: LabelPair,
    surfaces: tuple[PointGroups, PointGroups],
    percentiles: tuple[float, ...],
    options: CompareOptions,
) -> list[Distances]:
    is_pooled = options.convention == "medpy"
    directed_percentiles, pooled_percentiles = ((), percentiles) if is_pooled else (percentiles, ())
    tolerances = () if is_pooled else options.tolerances_mm
    reduced = surface_distances(
        *surfaces,
        _lattice(pair, surfaces[0]),
        percentiles=directed_percentiles,
        pooled_percentiles=pooled_percentiles,
        tolerances_mm=[tolerance * _SLACK for tolerance in tolerances],
    )
    return _by_label(reduced, directed_percentiles, pooled_percentiles, tolerances)


def _between_elements(
    pair: LabelPair, labels: Labels, percentiles: tuple[float, ...], options: CompareOptions
) -> list[Distances]:
    reference, prediction = (find_elements(mask, labels, pair.spacing_mm) for mask in (pair.reference, pair.prediction))
    reduced = element_distances(
        reference,
        prediction,
        _lattice(pair, reference.points),
        _in_space(pair.spacing_mm),
        percentiles=percentiles,
        tolerances_mm=options.tolerances_mm,  # tested exactly, as surface-distance does
    )
    return _by_label(reduced, percentiles, (), options.tolerances_mm)


def _boundary_counts(
    pair: LabelPair,
    labels: Labels,
    surfaces: tuple[PointGroups, PointGroups],
    tolerance_mm: float,
) -> list[BoundaryCounts]:
    """Count the voxels nearer than the tolerance: at one voxel a boundary is the surface itself, at 0 it is empty."""
    if tolerance_mm == 0:
        return [BoundaryCounts(0, 0, 0)] * len(labels)
    lattice = _lattice(pair, surfaces[0])
    below_mm = tolerance_mm / _SLACK
    counts = count_boundary_voxels(pair.reference, pair.prediction, labels, *surfaces, lattice, below_mm)
    return [BoundaryCounts(*row) for row in counts.tolist()]


def _by_label(
    reduced: surface_distance.SurfaceDistances,
    percentiles: Sequence[float],
    pooled_percentiles: Sequence[float],
    tolerances_mm: Sequence[float],
) -> list[Distances]:
    """Return the rows of the kernel's record."""
    directions = (
        _directed_by_label(direction, percentiles, tolerances_mm)
        for direction in (reduced.reference_to_prediction, reduced.prediction_to_reference)
    )
    pooled = [dict(zip(pooled_percentiles, row)) for row in reduced.pooled_percentiles_mm.tolist()]
    return [Distances(*row) for row in zip(*directions, pooled)]


def _directed_by_label(
    reduced: surface_distance.DirectedDistancesByLabel, percentiles: Sequence[float], tolerances_mm: Sequence[float]
) -> list[DirectedDistances]:
    rows = zip(
        *(
            array.tolist()
            for array in (reduced.weight, reduced.maximum_mm, reduced.sum_mm, reduced.percentiles_mm, reduced.within)
        )
    )
    return [
        DirectedDistances(weight, maximum, total, dict(zip(percentiles, mm)), dict(zip(tolerances_mm, within)))
        for weight, maximum, total, mm, within in rows
    ]


def _lattice(pair: LabelPair, points: PointGroups) -> Lattice:
    return make_lattice(points.shape, _in_space(pair.spacing_mm))


def _in_space(spacing_mm: tuple[float, ...]) -> tuple[float, float, float]:
    # Of one plane, z is never walked: a spacing that the others have keeps the lattice exact.
    z, y, x = spacing_mm if len(spacing_mm) == 3 else (min(spacing_mm), *spacing_mm)
    return z, y, x
