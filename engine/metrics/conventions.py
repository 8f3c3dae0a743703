"""The surface metrics of each convention: reductions to ask of the kernel, and columns worked out of them.

``metrics-reloaded`` is the default. ``medpy`` follows MedPy 0.5.2 (July 2024): percentiles over both sets pooled, no
surface Dice; its ``masd`` is the number that MedPy 0.4 (2019 to 2024) called ASSD. ``deepmind`` follows
surface-distance 0.1: distances between surface elements, weighted by their areas.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.metrics.options import CompareOptions, Convention
from maskwright.kernels.surface_distance import SurfaceDistances

Columns = dict[str, NDArray[np.float64]]  # one value a label

TOLERANCE_SLACK = 1 + 1e-9  # 3 x 0.8 mm is 2.4000000000000004 and must count as within 2.4


def metrics_reloaded_columns(distances: SurfaceDistances, options: CompareOptions) -> Columns:
    """Return the distance metrics and surface Dice of the default convention."""
    there, back = distances.reference_to_prediction, distances.prediction_to_reference
    columns = {
        "hd": np.maximum(there.maximum_mm, back.maximum_mm),
        "assd": (there.sum_mm + back.sum_mm) / (there.weight + back.weight),
        "masd": (there.sum_mm / there.weight + back.sum_mm / back.weight) / 2,
    }
    return columns | _directed_percentiles(distances, options) | _surface_dice(distances, options)


def medpy_columns(distances: SurfaceDistances, options: CompareOptions) -> Columns:
    """Return MedPy's distance metrics."""
    there, back = distances.reference_to_prediction, distances.prediction_to_reference
    columns = {
        "hd": np.maximum(there.maximum_mm, back.maximum_mm),
        "assd": (there.sum_mm + back.sum_mm) / (there.weight + back.weight),
        "masd": (there.sum_mm / there.weight + back.sum_mm / back.weight) / 2,
    }
    for k, (column, _) in enumerate(options.percentile_columns()):
        columns[column] = distances.pooled_percentiles_mm[:, k]
    return columns


def deepmind_columns(distances: SurfaceDistances, options: CompareOptions) -> Columns:
    """Return the area-weighted metrics."""
    there, back = distances.reference_to_prediction, distances.prediction_to_reference
    columns = {
        "hd": np.maximum(there.maximum_mm, back.maximum_mm),
        "assd_reference_to_prediction": there.sum_mm / there.weight,
        "assd_prediction_to_reference": back.sum_mm / back.weight,
    }
    return columns | _directed_percentiles(distances, options) | _surface_dice(distances, options)


SURFACE_COLUMNS: dict[Convention, Callable[[SurfaceDistances, CompareOptions], Columns]] = {
    "metrics-reloaded": metrics_reloaded_columns,
    "medpy": medpy_columns,
    "deepmind": deepmind_columns,
}


def _directed_percentiles(distances: SurfaceDistances, options: CompareOptions) -> Columns:
    larger = np.maximum(
        distances.reference_to_prediction.percentiles_mm, distances.prediction_to_reference.percentiles_mm
    )
    return {column: larger[:, k] for k, (column, _) in enumerate(options.percentile_columns())}


def _surface_dice(distances: SurfaceDistances, options: CompareOptions) -> Columns:
    there, back = distances.reference_to_prediction, distances.prediction_to_reference
    shares = (there.within + back.within) / (there.weight + back.weight)[:, None]
    return {"nsd" + suffix: shares[:, k] for k, (suffix, _) in enumerate(options.tolerance_suffixes())}
