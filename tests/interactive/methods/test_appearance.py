"""Local looks: what a window is told is what the whole is told, and the blur is the plain one."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from maskwright.interactive.methods.appearance import (
    BIN_BLUR,
    BINS,
    CELL_BLUR,
    CELLS,
    LARGEST_LOG_ODDS,
    UNIFORM_SHARE,
    local_log_odds,
)


def plain(values, inside, outside):
    """The definition, with SciPy's filter and a loop over voxels."""
    side = max(1, math.ceil(max(values.shape) / CELLS[values.ndim]))
    grid = tuple(-(-n // side) for n in values.shape)
    logs = []
    for known in (inside, outside):
        counts = np.zeros((*grid, BINS))
        for voxel in np.argwhere(known):
            found = min(int(min(max(values[tuple(voxel)], 0), 1) * BINS), BINS - 1)
            counts[(*(voxel // side), found)] += 1
        faint = counts.mean() * 1e-6
        sigma = [max(1.0, CELL_BLUR * max(grid))] * len(grid)
        counts = gaussian_filter(counts, [*sigma, BIN_BLUR], mode="constant", truncate=12.0) + faint
        logs.append(np.log((1 - UNIFORM_SHARE) * counts / counts.sum(axis=-1, keepdims=True) + UNIFORM_SHARE / BINS))
    odds = np.clip(logs[0] - logs[1], -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)
    result = np.zeros(values.shape)
    for voxel in np.ndindex(values.shape):
        found = min(int(min(max(values[voxel], 0), 1) * BINS), BINS - 1)
        result[voxel] = odds[(*(np.array(voxel) // side), found)]
    return result


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(3, 30), min_size=2, max_size=3), st.data())
def test_log_odds_match_the_definition_in_any_window(seed, shape, data):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.5, 0.4, shape).astype(np.float32)
    sides = rng.integers(0, 3, shape)
    sides.flat[:2] = 1, 2  # each side has a voxel
    inside, outside = sides == 1, sides == 2
    ends = [sorted((data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, n - 1)))) for n in shape]
    window = tuple(slice(a, b + 1) for a, b in ends)
    whole = local_log_odds(values, inside, outside)
    np.testing.assert_allclose(whole, plain(values, inside, outside), atol=1e-5)
    # Not to the last bit: the products of a few cells are added up in another order than those of all.
    np.testing.assert_allclose(local_log_odds(values, inside, outside, window), whole[window], atol=1e-6)
