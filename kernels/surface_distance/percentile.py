"""Percentiles of grouped distances: by selection where each point counts alike, by area where it does not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def percentiles_by_selection(
    distances: NDArray[np.float64], offsets: NDArray[np.int64], percentiles: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return [group, percentile] with linear interpolation, to the bit as ``numpy.percentile``; NaN without points.

    Each group of ``distances`` is reordered in place.
    """
    result = np.full((len(offsets) - 1, len(percentiles)), np.nan)
    for group in np.flatnonzero(np.diff(offsets)).tolist() if percentiles else ():
        values = distances[offsets[group] : offsets[group + 1]]
        positions = [(len(values) - 1) * (percentile / 100) for percentile in percentiles]
        ranks = {min(int(position) + step, len(values) - 1) for position in positions for step in (0, 1)}
        values.partition(sorted(ranks))
        result[group] = [_interpolate(values, position) for position in positions]
    return result


def percentiles_by_area(
    distances: NDArray[np.float64],
    areas: NDArray[np.float64],
    offsets: NDArray[np.int64],
    percentiles: tuple[float, ...],
) -> NDArray[np.float64]:
    """Return [group, percentile]: the first distance up to which that share of the area lies; NaN without elements.

    Areas are added up in the order of (distance, area), as surface-distance 0.1 does: where a share falls between two
    distances exactly, the rounding of that sum decides.
    """
    result = np.full((len(offsets) - 1, len(percentiles)), np.nan)
    for group in np.flatnonzero(np.diff(offsets)).tolist() if percentiles else ():
        values, weights = (array[offsets[group] : offsets[group + 1]] for array in (distances, areas))
        order = np.lexsort((weights, values))
        ordered = weights[order]
        shares: NDArray[Any] = np.cumsum(ordered) / ordered.sum()
        ranks = np.searchsorted(shares, np.array(percentiles) / 100)
        result[group] = values[order[np.minimum(ranks, len(order) - 1)]]
    return result


def _interpolate(values: NDArray[np.float64], position: float) -> float:
    below = int(position)
    low, high = float(values[below]), float(values[min(below + 1, len(values) - 1)])
    if math.isinf(high):
        return high
    share = position - below
    return high - (high - low) * (1 - share) if share >= 0.5 else low + (high - low) * share
