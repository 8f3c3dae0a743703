"""From two label arrays to the numbers of each label: counts, surfaces, distances and bands, each computed once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.metrics.columns import empty_values, metric_columns
from maskwright.engine.metrics.comparison import LabelMetrics, status_of
from maskwright.engine.metrics.conventions import TOLERANCE_SLACK, read_deepmind, read_medpy, read_metrics_reloaded
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.metrics.overlap import Counts, overlap_values
from maskwright.engine.metrics.surface_distances import exact_mm, scipy_mm, surface_distances
from maskwright.kernels.boundary import count_boundary_voxels
from maskwright.kernels.distance.lattice import Lattice, make_lattice
from maskwright.kernels.overlap import Overlaps, count_overlaps
from maskwright.kernels.surface import find_elements, find_surfaces

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
    first: LabelArray, second: LabelArray, spacing_mm: tuple[float, ...]
) -> tuple[LabelArray, LabelArray, tuple[float, ...]]:
    """Turn the axes of both arrays so that they lie as they are stored: Fortran order then needs no copy."""
    order = sorted(range(first.ndim), key=lambda axis: -abs(first.strides[axis]))
    return first.transpose(order), second.transpose(order), tuple(spacing_mm[axis] for axis in order)


def _all_labels(overlaps: Overlaps) -> NDArray[np.uint64]:
    found = np.union1d(overlaps.reference_labels, overlaps.prediction_labels)
    return found[found > 0]


def _label_counts(overlaps: Overlaps, labels: NDArray[np.uint64], ignored_voxels: int) -> list[Counts]:
    same = overlaps.pairs[:, 0] == overlaps.pairs[:, 1]
    sides = [
        _look_up(overlaps.reference_labels, overlaps.reference_counts, labels),
        _look_up(overlaps.prediction_labels, overlaps.prediction_counts, labels),
        _look_up(overlaps.pairs[same, 0], overlaps.pair_counts[same], labels),
    ]
    voxels = overlaps.voxels - ignored_voxels
    return [Counts(first, second, both, voxels) for first, second, both in zip(*(side.tolist() for side in sides))]


def _look_up(keys: NDArray[np.uint64], counts: NDArray[np.int64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the count of each wanted label, 0 where it is not among the sorted keys."""
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    return np.where(keys[place] == wanted, counts[place], 0) if len(keys) else np.zeros(len(wanted), np.int64)


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
        return _element_values(reference, prediction, spacing_mm, labels, options)
    surfaces = find_surfaces(reference, labels), find_surfaces(prediction, labels)
    lattice = _lattice(surfaces[0].shape, spacing_mm)
    read = read_medpy if options.convention == "medpy" else read_metrics_reloaded
    values = {
        int(labels[group]): read(distances, options)
        for group, distances in surface_distances(*surfaces, exact_mm(lattice))
    }
    if options.convention == "metrics-reloaded":
        for suffix, tolerance in options.tolerance_suffixes():
            bands = count_boundary_voxels(
                reference, prediction, labels, *surfaces, lattice, tolerance * TOLERANCE_SLACK
            )
            for label, (first, second, both) in zip(labels.tolist(), bands.tolist()):
                values[label]["boundary_iou" + suffix] = both / (first + second - both)
    return values


def _element_values(
    reference: LabelArray,
    prediction: LabelArray,
    spacing_mm: tuple[float, ...],
    labels: NDArray[np.uint64],
    options: CompareOptions,
) -> dict[int, Values]:
    first, second = (find_elements(array, labels, spacing_mm) for array in (reference, prediction))
    measure_mm = scipy_mm(_lattice(first.points.shape, spacing_mm), _in_space(spacing_mm))
    return {
        int(labels[group]): read_deepmind(distances, (first.areas_of(group), second.areas_of(group)), options)
        for group, distances in surface_distances(first.points, second.points, measure_mm)
    }


def _lattice(shape: tuple[int, int, int], spacing_mm: tuple[float, ...]) -> Lattice:
    return make_lattice(shape, _in_space(spacing_mm))


def _in_space(spacing_mm: tuple[float, ...]) -> tuple[float, float, float]:
    # Of one plane, z is never walked: a spacing that the others have keeps the lattice exact.
    z, y, x = spacing_mm if len(spacing_mm) == 3 else (min(spacing_mm), *spacing_mm)
    return z, y, x
