"""What the three conventions read off the distances of one label.

``metrics-reloaded`` is the default. ``medpy`` follows MedPy 0.5: percentiles over both sets pooled, no surface Dice.
``deepmind`` follows surface-distance 0.1: distances between surface elements, weighted by their areas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.metrics.surface_distances import SurfaceDistances

TOLERANCE_SLACK = 1 + 1e-9  # 3 x 0.8 mm is 2.4000000000000004 and must count as within 2.4
DISTANCE_COLUMNS = {
    "metrics-reloaded": ("hd", "assd", "masd"),
    "medpy": ("hd", "assd"),
    "deepmind": ("hd", "assd_reference_to_prediction", "assd_prediction_to_reference"),
}


def read_metrics_reloaded(distances: SurfaceDistances, options: CompareOptions) -> dict[str, float | None]:
    """Return the distance metrics and surface Dice of the default convention."""
    there, back = np.sort(distances.there), np.sort(distances.back)
    points = len(there) + len(back)
    total_there, total_back = float(there.sum()), float(back.sum())
    values: dict[str, float | None] = {
        "hd": float(max(there[-1], back[-1])),
        "assd": (total_there + total_back) / points,
        "masd": (total_there / len(there) + total_back / len(back)) / 2,
    }
    for column, percentile in options.percentile_columns():
        values[column] = max(_percentile(there, percentile), _percentile(back, percentile))
    for suffix, tolerance in options.tolerance_suffixes():
        near = _count_within(there, tolerance * TOLERANCE_SLACK) + _count_within(back, tolerance * TOLERANCE_SLACK)
        values["nsd" + suffix] = near / points
    return values


def read_medpy(distances: SurfaceDistances, options: CompareOptions) -> dict[str, float | None]:
    """Return MedPy's distance metrics; what it does not define is None."""
    pooled = np.sort(np.concatenate([distances.there, distances.back]))
    values: dict[str, float | None] = {"hd": float(pooled[-1]), "assd": float(pooled.sum()) / len(pooled)}
    for column, percentile in options.percentile_columns():
        values[column] = _percentile(pooled, percentile)
    return values


def read_deepmind(
    distances: SurfaceDistances, areas: tuple[NDArray[np.float64], NDArray[np.float64]], options: CompareOptions
) -> dict[str, float | None]:
    """Return the area-weighted metrics; ``areas`` are those of the elements of the reference and the prediction."""
    there, there_areas = _by_distance(distances.there, areas[0])
    back, back_areas = _by_distance(distances.back, areas[1])
    there_total, back_total = float(there_areas.sum()), float(back_areas.sum())
    values: dict[str, float | None] = {
        "hd": float(max(there[-1], back[-1])),
        "assd_reference_to_prediction": float((there * there_areas).sum()) / there_total,
        "assd_prediction_to_reference": float((back * back_areas).sum()) / back_total,
    }
    for column, percentile in options.percentile_columns():
        values[column] = max(
            _weighted_percentile(there, there_areas, percentile), _weighted_percentile(back, back_areas, percentile)
        )
    for suffix, tolerance in options.tolerance_suffixes():
        near = there_areas[: _count_within(there, tolerance)].sum() + back_areas[: _count_within(back, tolerance)].sum()
        values["nsd" + suffix] = float(near) / (there_total + back_total)
    return values


def _count_within(ordered: NDArray[np.float64], limit: float) -> int:
    return int(np.searchsorted(ordered, limit, side="right"))


def _percentile(ordered: NDArray[np.float64], percentile: float) -> float:
    """Return the percentile with linear interpolation, to the bit as ``numpy.percentile`` gives it."""
    place = (len(ordered) - 1) * (percentile / 100)
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    share = place - below
    return high - (high - low) * (1 - share) if share >= 0.5 else low + (high - low) * share


def _by_distance(
    distances: NDArray[np.float64], areas: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.lexsort((areas, distances))
    return distances[order], areas[order]


def _weighted_percentile(ordered: NDArray[np.float64], areas: NDArray[np.float64], percentile: float) -> float:
    """Return the first distance up to which the wanted share of the area lies; no interpolation."""
    share: NDArray[Any] = np.cumsum(areas) / areas.sum()
    return float(ordered[min(int(np.searchsorted(share, percentile / 100)), len(ordered) - 1)])
