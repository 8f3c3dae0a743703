"""From two label arrays to the metrics of each label: every input is worked out once, for all labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.metrics.columns import Column, columns_of_every_label
from maskwright.engine.metrics.comparison import LabelMetrics, status_of
from maskwright.engine.metrics.conventions import Convention
from maskwright.engine.metrics.inputs import Counts, LabelInputs, LabelPair
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.metrics.surface_inputs import SurfaceInputs, surface_inputs
from maskwright.kernels.overlap import Overlaps, count_overlaps


def measure(
    pair: LabelPair, columns: Mapping[int, Sequence[Column]] | None, options: CompareOptions
) -> dict[int, LabelMetrics]:
    """Return the metrics of each label, ascending.

    Parameters
    ----------
    pair : LabelPair
    columns : mapping of label to columns, or None
        None takes the columns of every label, and every label but 0 that occurs in either array.
    options : CompareOptions
    """
    # The areas of deepmind depend on the order of the axes in their last bit.
    stored = pair if options.convention == "deepmind" else pair.in_memory_order()
    stored = stored.contiguous()  # once for all kernels, each of which would copy a flipped or sliced array for itself
    overlaps = count_overlaps(stored.reference, stored.prediction)
    if columns is None:
        columns = dict.fromkeys(_all_labels(overlaps), columns_of_every_label(options))
    columns = dict(sorted(columns.items()))
    counts = _label_counts(overlaps, list(columns), stored)
    present = {label: columns[label] for label, count in counts.items() if count.reference and count.prediction}
    surfaces = surface_inputs(stored, present, options)
    far_mm = stored.diagonal_mm if options.empty == "penalty" else math.inf
    nothing = SurfaceInputs(None, {})
    result = {}
    for label, count in counts.items():
        surface = surfaces.get(label, nothing)
        inputs = LabelInputs(label, pair, count, surface.distances, surface.boundaries)
        values = _values(columns[label], inputs, options.convention, far_mm)
        result[label] = LabelMetrics(values, count.reference, count.prediction)
    return result


def _values(
    columns: Sequence[Column], inputs: LabelInputs, convention: Convention, far_mm: float
) -> dict[str, float | None]:
    """Return the value of each column: that of its metric's empty rule, or else of its function."""
    status = status_of(inputs.counts.reference, inputs.counts.prediction)
    values: dict[str, float | None] = {}
    for column in columns:
        metric = column.metric
        function, rule = metric.function(convention), metric.empty_value(status)
        if function is None:
            value = None
        elif rule is not None:
            value = far_mm if rule == math.inf and metric.is_distance else rule
        else:
            numbers = getattr(inputs, metric.needs)
            value = float(function(numbers) if column.parameter is None else function(numbers, column.parameter))
        values[column.name] = value
    return values


def _all_labels(overlaps: Overlaps) -> list[int]:
    labels = np.union1d(overlaps.reference_labels, overlaps.prediction_labels)
    return [int(label) for label in labels if label > 0]


def _label_counts(overlaps: Overlaps, labels: Sequence[int], pair: LabelPair) -> dict[int, Counts]:
    keys = np.array(labels, dtype=np.uint64)
    same = overlaps.pairs[:, 0] == overlaps.pairs[:, 1]
    sides = [
        _look_up(overlaps.reference_labels, overlaps.reference_counts, keys),
        _look_up(overlaps.prediction_labels, overlaps.prediction_counts, keys),
        _look_up(overlaps.pairs[same, 0], overlaps.pair_counts[same], keys),
    ]
    grid = overlaps.voxels - pair.ignored_voxels
    voxels = zip(*(side.tolist() for side in sides))
    return {
        label: Counts(reference, prediction, both, grid, pair.voxel_ml)
        for label, (reference, prediction, both) in zip(labels, voxels)
    }


def _look_up(stored: NDArray[np.uint64], counts: NDArray[np.int64], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the count of each key, 0 where it is not among the sorted labels of an array."""
    index = np.minimum(np.searchsorted(stored, keys), max(len(stored) - 1, 0))
    return np.where(stored[index] == keys, counts[index], 0) if len(stored) else np.zeros(len(keys), np.int64)
