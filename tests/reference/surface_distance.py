"""Reduced surface distances the plain way: every pair of points in float64, sorted."""

import numpy as np


def directed(points, others, weights, spacing_mm, percentiles, tolerances_mm, by_area):
    """Return weight, maximum, sum, percentiles and weight within the tolerances of one label, from points to others.

    ``points`` and ``others`` are (n, 3) indices. With ``by_area`` a percentile is the first distance up to which that
    share of the weight lies, else it is interpolated.
    """
    if len(points) == 0:
        return 0.0, np.nan, 0.0, [np.nan] * len(percentiles), [0.0] * len(tolerances_mm)
    distances = nearest(points, others, spacing_mm)
    order = np.lexsort((weights, distances))
    distances, weights = distances[order], weights[order]
    within = [weights[distances <= mm].sum() for mm in tolerances_mm]
    taken = [_percentile(distances, weights, percentile, by_area) for percentile in percentiles]
    return weights.sum(), distances[-1], (distances * weights).sum(), taken, within


def pooled(points, others, spacing_mm, percentiles):
    """Return the percentiles of one label over both directions together."""
    both = np.concatenate([nearest(points, others, spacing_mm), nearest(others, points, spacing_mm)])
    ones = np.ones(len(both))
    return [_percentile(np.sort(both), ones, percentile, False) if len(both) else np.nan for percentile in percentiles]


def nearest(points, others, spacing_mm):
    """Return the distance in mm from each point to the nearest of the others; infinity without one."""
    if len(points) == 0 or len(others) == 0:
        return np.full(len(points), np.inf)
    squares = np.zeros((len(points), len(others)))
    for axis, step in enumerate(spacing_mm):
        squares += (np.subtract.outer(points[:, axis], others[:, axis]) * step) ** 2
    return np.sqrt(squares.min(axis=1))


def _percentile(distances, weights, percentile, by_area):
    if by_area:
        share = np.cumsum(weights) / weights.sum()
        return distances[min(np.searchsorted(share, percentile / 100), len(distances) - 1)]
    return np.inf if np.isinf(distances[-1]) else np.percentile(distances, percentile)
