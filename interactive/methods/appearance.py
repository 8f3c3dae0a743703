"""What the inside and the outside look like near each place, learned from voxels known to be either.

A histogram of the whole image misleads: what is liver here is heart there. So each side has a histogram for every cell
of a coarse grid, blurred over neighbouring cells: voxels near by count more than those far away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

BINS = 32
CELLS = {2: 24, 3: 20}
# Blur: in cells, as a share of the grid, and in bins.
NEARNESS = 0.15
BIN_BLUR = 1.0
# How much a uniform histogram counts beside what was seen, and the most that looks can say, as log-odds.
DOUBT = 0.05
MOST = 2.0


def local_log_odds(
    values: NDArray[np.float32],
    inside: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    window: tuple[slice, ...] | None = None,
) -> NDArray[np.float32]:
    """Return for every voxel how much more it looks like the inside near it than like the outside near it.

    Parameters
    ----------
    values : float32, shape (y, x) or (z, y, x)
        Intensities as shares of the robust range, 0 to 1. In colour, one channel at a time.
    inside, outside : bool, the same shape
        Voxels known, or taken, to be inside and outside; what is neither is not learned from.
    window : tuple of slice, or None
        Where it is wanted; everywhere if None.

    Returns
    -------
    float32, the shape of ``values[window]``
        The log of the ratio of the two local densities, from -2 to 2; 0 everywhere if one side has no voxel.
    """
    window = window or tuple(slice(0, n) for n in values.shape)
    wanted = values[window]
    if not inside.any() or not outside.any():
        return np.zeros(wanted.shape, np.float32)
    side = max(1, math.ceil(max(values.shape) / CELLS[values.ndim]))
    grid = tuple(-(-n // side) for n in values.shape)
    lines = [np.arange(n) // side for n in values.shape]
    reached = [line[part] for line, part in zip(lines, window)]
    cells = [slice(int(line[0]), int(line[-1]) + 1) for line in reached]
    places = _cells(lines, grid) * BINS + _bins(values)
    logs = [_log_densities(places[known], grid, cells) for known in (inside, outside)]
    odds = np.clip(logs[0] - logs[1], -MOST, MOST).astype(np.float32)
    near = _cells([line - part.start for line, part in zip(reached, cells)], [part.stop - part.start for part in cells])
    found: NDArray[np.float32] = odds[near * BINS + _bins(wanted)]
    return found


def _bins(values: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.minimum((np.clip(values, 0, 1) * BINS).astype(np.int32), BINS - 1)


def _cells(lines: Sequence[NDArray[np.int64]], grid: Sequence[int]) -> NDArray[np.int32]:
    """Return the number of each voxel's cell in a grid; ``lines`` has the place of its cell along each axis."""
    cells = np.zeros((), np.int32)
    for line, n in zip(lines, grid):
        cells = cells[..., None] * np.int32(n) + line.astype(np.int32)
    return cells


def _log_densities(places: NDArray[np.int32], grid: tuple[int, ...], cells: Sequence[slice]) -> NDArray[np.float64]:
    """Return the log density of each bin in each of some cells, flat."""
    counts = np.bincount(places, minlength=math.prod(grid) * BINS).reshape(*grid, BINS).astype(np.float64)
    faint = counts.mean() * 1e-6  # far from all known voxels, all of them count alike
    sigma = max(1.0, NEARNESS * max(grid))
    for axis, n in enumerate(grid):
        weights = _gaussian(n, sigma)[cells[axis]]
        # Many small products, none of which is worth a second thread to the library that does them.
        counts = np.moveaxis(weights @ np.moveaxis(counts, axis, -2), -2, axis)
    counts = counts @ _gaussian(BINS, BIN_BLUR) + faint
    density = counts / counts.sum(axis=-1, keepdims=True)
    logs: NDArray[np.float64] = np.log((1 - DOUBT) * density + DOUBT / BINS).reshape(-1)
    return logs


@cache
def _gaussian(n: int, sigma: float) -> NDArray[np.float64]:
    """Return how much each of n places in a row counts for each of them, shape (n, n)."""
    apart = np.subtract.outer(np.arange(n), np.arange(n)) / sigma
    weights: NDArray[np.float64] = np.exp(apart * apart * -0.5) / (sigma * math.sqrt(2 * math.pi))
    return weights
