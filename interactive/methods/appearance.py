"""Local appearance: histograms of the inside and the outside near each voxel, learned from known voxels.

A histogram of the whole image misleads: the intensity of the liver here is that of the heart there. So each side has
a histogram for every cell of a coarse grid, blurred over neighbouring cells: voxels near by count more than those far
away.
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
CELL_BLUR = 0.15
BIN_BLUR = 1.0
# The share of a uniform histogram in each one, and the largest log-odds of appearance.
UNIFORM_SHARE = 0.05
LARGEST_LOG_ODDS = 2.0


def local_log_odds(
    values: NDArray[np.float32],
    inside: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    window: tuple[slice, ...] | None = None,
) -> NDArray[np.float32]:
    """Return for every voxel the log-odds that it looks like the inside near it, not like the outside near it.

    Parameters
    ----------
    values : float32, shape (y, x) or (z, y, x)
        Intensities as shares of the robust range, 0 to 1. In colour, one channel at a time.
    inside, outside : bool, the same shape
        Voxels known to be inside and outside; no others are learned from.
    window : tuple of slice, or None
        The voxels of the result; all of them if None.

    Returns
    -------
    float32, the shape of ``values[window]``
        The log of the ratio of the two local densities, from -2 to 2; 0 everywhere if one side has no voxel.
    """
    window = window or tuple(slice(0, n) for n in values.shape)
    part = values[window]
    if not inside.any() or not outside.any():
        return np.zeros(part.shape, np.float32)
    side = max(1, math.ceil(max(values.shape) / CELLS[values.ndim]))
    grid = tuple(-(-n // side) for n in values.shape)
    lines = [np.arange(n) // side for n in values.shape]
    window_lines = [line[axis] for line, axis in zip(lines, window)]
    cells = [slice(int(line[0]), int(line[-1]) + 1) for line in window_lines]
    bins = _cells(lines, grid) * BINS + _bins(values)
    logs = [_log_densities(bins[known], grid, cells) for known in (inside, outside)]
    odds = np.clip(logs[0] - logs[1], -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS).astype(np.float32)
    near = _cells(
        [line - axis.start for line, axis in zip(window_lines, cells)], [axis.stop - axis.start for axis in cells]
    )
    log_odds: NDArray[np.float32] = odds[near * BINS + _bins(part)]
    return log_odds


def _bins(values: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.minimum((np.clip(values, 0, 1) * BINS).astype(np.int32), BINS - 1)


def _cells(lines: Sequence[NDArray[np.int64]], grid: Sequence[int]) -> NDArray[np.int32]:
    """Return the number of each voxel's cell in a grid; ``lines`` has the index of its cell along each axis."""
    cells = np.zeros((), np.int32)
    for line, n in zip(lines, grid):
        cells = cells[..., None] * np.int32(n) + line.astype(np.int32)
    return cells


def _log_densities(bins: NDArray[np.int32], grid: tuple[int, ...], cells: Sequence[slice]) -> NDArray[np.float64]:
    """Return the log density of each bin in each of some cells, flat."""
    counts = np.bincount(bins, minlength=math.prod(grid) * BINS).reshape(*grid, BINS).astype(np.float64)
    faint = counts.mean() * 1e-6  # far from all known voxels, all of them count the same
    sigma = max(1.0, CELL_BLUR * max(grid))
    for axis, n in enumerate(grid):
        weights = _gaussian(n, sigma)[cells[axis]]
        # Many small products, none of which is worth a second thread to the library that does them.
        counts = np.moveaxis(weights @ np.moveaxis(counts, axis, -2), -2, axis)
    counts = counts @ _gaussian(BINS, BIN_BLUR) + faint
    density = counts / counts.sum(axis=-1, keepdims=True)
    logs: NDArray[np.float64] = np.log((1 - UNIFORM_SHARE) * density + UNIFORM_SHARE / BINS).reshape(-1)
    return logs


@cache
def _gaussian(n: int, sigma: float) -> NDArray[np.float64]:
    """Return the weight of each of n cells in a row for each of them, shape (n, n)."""
    steps = np.subtract.outer(np.arange(n), np.arange(n)) / sigma
    weights: NDArray[np.float64] = np.exp(steps * steps * -0.5) / (sigma * math.sqrt(2 * math.pi))
    return weights
