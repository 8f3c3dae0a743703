"""What the inside and the outside look like near each place, learned from voxels known to be either.

A histogram of the whole image misleads: what is liver here is heart there. So each side has a histogram for every cell
of a coarse grid, blurred over neighbouring cells: voxels near by count more than those far away.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

BINS = 32
CELLS = {2: 24, 3: 20}
# Blur: in cells, as a share of the grid, and in bins.
NEARNESS = 0.15
BIN_BLUR = 1.0
# How much a uniform histogram counts beside what was seen, and the most that looks can say, as log-odds.
DOUBT = 0.05
MOST = 2.0


def local_log_odds(
    values: NDArray[np.float32], inside: NDArray[np.bool_], outside: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return for every voxel how much more it looks like the inside near it than like the outside near it.

    Parameters
    ----------
    values : float32, shape (y, x) or (z, y, x)
        Intensities as shares of the robust range, 0 to 1. In colour, one channel at a time.
    inside, outside : bool, the same shape
        Voxels known, or taken, to be inside and outside; what is neither is not learned from.

    Returns
    -------
    float32, the shape of ``values``
        The log of the ratio of the two local densities, from -2 to 2; 0 everywhere if one side has no voxel.
    """
    if not inside.any() or not outside.any():
        return np.zeros(values.shape, np.float32)
    side = max(1, math.ceil(max(values.shape) / CELLS[values.ndim]))
    grid = tuple(-(-n // side) for n in values.shape)
    bins = np.minimum((np.clip(values, 0, 1) * BINS).astype(np.int32), BINS - 1)
    cells = np.zeros(values.shape, np.int32)
    for axis, n in enumerate(values.shape):
        line = (np.arange(n) // side).reshape([-1 if k == axis else 1 for k in range(values.ndim)])
        cells = cells * grid[axis] + line.astype(np.int32)
    places = cells * BINS + bins
    logs = [_log_densities(places[known], grid) for known in (inside, outside)]
    odds = np.clip(logs[0] - logs[1], -MOST, MOST).astype(np.float32)
    return odds[places]


def _log_densities(places: NDArray[np.int32], grid: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the log density of each bin in each cell, flat."""
    counts = np.bincount(places, minlength=math.prod(grid) * BINS).reshape(*grid, BINS).astype(np.float64)
    sigma = [max(1.0, NEARNESS * max(grid))] * len(grid)
    counts = gaussian_filter(counts, [*sigma, BIN_BLUR], mode="constant", truncate=6.0)
    counts += counts.mean() * 1e-6  # far from all known voxels, all of them count alike
    density = counts / counts.sum(axis=-1, keepdims=True)
    logs: NDArray[np.float64] = np.log((1 - DOUBT) * density + DOUBT / BINS).reshape(-1)
    return logs
