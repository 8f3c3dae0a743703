"""Percentile bootstrap of a mean or median, clustered by patient.

Cases of one patient are alike, so patients are drawn, with replacement, and each draw brings all of a patient's cases
(Field and Welsh, Bootstrapping clustered data, JRSS B 2007). With one case a patient this is the plain bootstrap.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
SEED = 20240229
_ROWS = 50  # resamples taken at a time: their weights stay in the cache

Statistic = Literal["mean", "median"]


def cluster_interval(
    values: NDArray[np.float64], clusters: NDArray[np.intp], statistic: Statistic
) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean or median, or None where there are fewer than two clusters.

    Parameters
    ----------
    values : float64[n]
        No NaN. For the median, infinities rank last; for the mean, all finite.
    clusters : intp[n]
        The cluster of each value, any numbers.
    statistic : {"mean", "median"}
        The median of an even number of values is the mean of the middle two.

    Returns
    -------
    tuple of float, optional
        Order statistics of the resampled statistic, without interpolation, so that an end may be infinite.
    """
    _, codes = np.unique(clusters, return_inverse=True)
    count = int(codes.max()) + 1 if len(codes) else 0
    if count < 2:
        return None
    draws = cluster_draws(count)
    resampled = np.sort(_means(values, codes, draws) if statistic == "mean" else _medians(values, codes, draws))
    tail = (1 - LEVEL) / 2
    low, high = (max(math.ceil(share * RESAMPLES - 1e-9), 1) - 1 for share in (tail, 1 - tail))
    return float(resampled[low]), float(resampled[high])


@lru_cache(maxsize=6)  # the metrics of a label differ in how many patients have a number
def cluster_draws(count: int) -> NDArray[np.uint16]:
    """Return how often each cluster was drawn: uint16[RESAMPLES, count], every row summing to ``count``; seeded."""
    generator = np.random.default_rng(SEED)
    draws = np.empty((RESAMPLES, count), np.uint16)
    for row in draws:
        row[:] = np.bincount(generator.integers(count, size=count), minlength=count)
    return draws


def _means(values: NDArray[np.float64], codes: NDArray[np.intp], draws: NDArray[np.uint16]) -> NDArray[np.float64]:
    sums = np.bincount(codes, weights=values)
    sizes = np.bincount(codes).astype(np.float64)
    means = np.empty(RESAMPLES)
    for start in range(0, RESAMPLES, _ROWS):
        weights = draws[start : start + _ROWS].astype(np.float64)
        means[start : start + _ROWS] = (weights @ sums) / (weights @ sizes)
    return means


def _medians(values: NDArray[np.float64], codes: NDArray[np.intp], draws: NDArray[np.uint16]) -> NDArray[np.float64]:
    order = np.argsort(values, kind="stable")
    ranked, ranked_codes = values[order], codes[order]
    blocks = []
    for start in range(0, RESAMPLES, _ROWS):
        below = np.cumsum(draws[start : start + _ROWS, ranked_codes], axis=1, dtype=np.int32)
        total = below[:, -1:]
        lower = (below < (total + 1) // 2).sum(axis=1)
        upper = (below < total // 2 + 1).sum(axis=1)
        blocks.append((ranked[lower] + ranked[upper]) / 2)
    return np.concatenate(blocks)
