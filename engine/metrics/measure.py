"""From two label arrays to the metrics of each label: counts, surfaces, distances and boundaries, each once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.metrics.columns import empty_values, metric_columns
from maskwright.engine.metrics.comparison import LabelMetrics, status_of
from maskwright.engine.metrics.conventions import SURFACE_COLUMNS, TOLERANCE_SLACK, Columns
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.metrics.overlap import Counts, overlap_values
from maskwright.kernels.boundary import count_boundary_voxels
from maskwright.kernels.distance.lattice import Lattice, make_lattice
from maskwright.kernels.overlap import Overlaps, count_overlaps
from maskwright.kernels.surface import find_elements, find_surfaces
from maskwright.kernels.surface_distance import element_distances, surface_distances

LabelArray = NDArray[np.unsignedinteger[Any]]
Values = dict[str, float | None]


def measure(
    reference: LabelArray,
    prediction: LabelArray,
    spacing_mm: tuple[float, ...],
    labels: Sequence[int] | None,
    options: CompareOptions,
    ignored_voxels: int = 0,
) -> dict[int, LabelMetrics]:
    """Return every pairwise metric of each label, ascending.

    Parameters
    ----------
    reference, prediction : uint8, uint16 or uint32 arrays of equal shape, (y, x) or (z, y, x), any strides
    spacing_mm : one positive number an axis
    labels : sequence of int, or None
        What to measure; None takes every label but 0 that occurs in either array.
    options : CompareOptions
    ignored_voxels : int
        How many background voxels of both arrays are no part of the grid that kappa and MCC look at.
    """
    if options.convention != "deepmind":  # whose areas depend on the order of the axes in their last bit
        reference, prediction, spacing_mm = _in_memory_order(reference, prediction, spacing_mm)
    # Once for all kernels, each of which would copy a flipped or sliced array for itself.
    reference, prediction = np.ascontiguousarray(reference), np.ascontiguousarray(prediction)
    overlaps = count_overlaps(reference, prediction)
    wanted = _all_labels(overlaps) if labels is None else np.unique(np.asarray(labels, dtype=np.uint64))
    counts = _label_counts(overlaps, wanted, ignored_voxels)
    on_both_sides = np.array([count.reference > 0 and count.prediction > 0 for count in counts], dtype=bool)
    surfaces = _surface_values(reference, prediction, spacing_mm, wanted[on_both_sides], options)
    # Sorted, so that the last bit does not depend on the order of the axes.
    diagonal_mm = math.hypot(*sorted(size * step for size, step in zip(reference.shape, spacing_mm)))
    far_mm = diagonal_mm if options.empty == "penalty" else math.inf
    voxel_ml = math.prod(sorted(spacing_mm)) / 1000
    columns = metric_columns(options)
    result = {}
    for label, count in zip(wanted.tolist(), counts):
        values: Values = {**overlap_values(count, voxel_ml), **surfaces.get(label, {})}
        values |= empty_values(status_of(count.reference, count.prediction), columns, options, far_mm)
        result[label] = LabelMetrics(
            {column: values.get(column) for column in columns}, count.reference, count.prediction
        )
    return result


def _in_memory_order(
    reference: LabelArray, prediction: LabelArray, spacing_mm: tuple[float, ...]
) -> tuple[LabelArray, LabelArray, tuple[float, ...]]:
    """Turn the axes of both arrays so that they lie as they are stored: Fortran order then needs no copy."""
    order = sorted(range(reference.ndim), key=lambda axis: -abs(reference.strides[axis]))
    return reference.transpose(order), prediction.transpose(order), tuple(spacing_mm[axis] for axis in order)


def _all_labels(overlaps: Overlaps) -> NDArray[np.uint64]:
    labels = np.union1d(overlaps.reference_labels, overlaps.prediction_labels)
    return labels[labels > 0]


def _label_counts(overlaps: Overlaps, labels: NDArray[np.uint64], ignored_voxels: int) -> list[Counts]:
    same = overlaps.pairs[:, 0] == overlaps.pairs[:, 1]
    sides = [
        _look_up(overlaps.reference_labels, overlaps.reference_counts, labels),
        _look_up(overlaps.prediction_labels, overlaps.prediction_counts, labels),
        _look_up(overlaps.pairs[same, 0], overlaps.pair_counts[same], labels),
    ]
    voxels = overlaps.voxels - ignored_voxels
    return [Counts(a, b, both, voxels) for a, b, both in zip(*(side.tolist() for side in sides), strict=True)]


def _look_up(keys: NDArray[np.uint64], counts: NDArray[np.int64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the count of each wanted label, 0 where it is not among the sorted keys."""
    index = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    return np.where(keys[index] == wanted, counts[index], 0) if len(keys) else np.zeros(len(wanted), np.int64)


def _surface_values(
    reference: LabelArray,
    prediction: LabelArray,
    spacing_mm: tuple[float, ...],
    labels: NDArray[np.uint64],
    options: CompareOptions,
) -> dict[int, Values]:
    """Return the columns that come from surfaces, for labels that both arrays hold."""
    if len(labels) == 0:
        return {}
    if options.convention == "deepmind":
        columns = _element_columns(reference, prediction, spacing_mm, labels, options)
    else:
        columns = _voxel_columns(reference, prediction, spacing_mm, labels, options)
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return {label: dict(zip(columns, row, strict=True)) for label, row in zip(labels.tolist(), rows, strict=True)}


def _voxel_columns(
    reference: LabelArray,
    prediction: LabelArray,
    spacing_mm: tuple[float, ...],
    labels: NDArray[np.uint64],
    options: CompareOptions,
) -> Columns:
    surfaces = find_surfaces(reference, labels), find_surfaces(prediction, labels)
    lattice = _lattice(surfaces[0].shape, spacing_mm)
    pooled = options.convention == "medpy"
    distances = surface_distances(
        *surfaces,
        lattice,
        percentiles=() if pooled else options.percentiles,
        pooled_percentiles=options.percentiles if pooled else (),
        limits_mm=() if pooled else [tolerance * TOLERANCE_SLACK for tolerance in options.tolerances_mm],
    )
    columns = SURFACE_COLUMNS[options.convention](distances, options)
    if options.convention == "metrics-reloaded":
        for suffix, tolerance in options.tolerance_suffixes():
            # Nearer than the tolerance: at one voxel a boundary is the surface itself, at 0 it is empty.
            limit_mm = tolerance / TOLERANCE_SLACK
            counts = count_boundary_voxels(reference, prediction, labels, *surfaces, lattice, limit_mm)
            in_reference, in_prediction, in_both = counts.T
            iou = in_both / (in_reference + in_prediction - in_both)
            columns["boundary_iou" + suffix] = iou if tolerance else np.full(len(labels), math.nan)
    return columns


def _element_columns(
    reference: LabelArray,
    prediction: LabelArray,
    spacing_mm: tuple[float, ...],
    labels: NDArray[np.uint64],
    options: CompareOptions,
) -> Columns:
    elements = find_elements(reference, labels, spacing_mm), find_elements(prediction, labels, spacing_mm)
    distances = element_distances(
        *elements,
        _lattice(elements[0].points.shape, spacing_mm),
        _in_space(spacing_mm),
        percentiles=options.percentiles,
        limits_mm=options.tolerances_mm,
    )
    return SURFACE_COLUMNS["deepmind"](distances, options)


def _lattice(shape: tuple[int, int, int], spacing_mm: tuple[float, ...]) -> Lattice:
    return make_lattice(shape, _in_space(spacing_mm))


def _in_space(spacing_mm: tuple[float, ...]) -> tuple[float, float, float]:
    # Of one plane, z is never walked: a spacing that the others have keeps the lattice exact.
    z, y, x = spacing_mm if len(spacing_mm) == 3 else (min(spacing_mm), *spacing_mm)
    return z, y, x
