"""Downsampling against means and counts written out; large regions against small ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskwright.interactive.methods.graph_cut import segment as grow_region_and_cut
from maskwright.interactive.methods.regions import downsampling as downsamplings
from maskwright.interactive.methods.regions.downsampling import Downsampling
from maskwright.interactive.methods.task import Task


def task(image, spacing, positive=(), negative=(), previous=None, newest_positive=True):
    masks = []
    for voxels in (positive, negative):
        mask = np.zeros(image.shape, bool)
        for voxel in voxels:
            mask[voxel] = True
        masks.append(mask)
    newest = masks[0] if newest_positive else masks[1]
    return Task(image, False, (0.0, 1.0), spacing, *masks, None, previous, newest, newest_positive, 1)


@given(st.tuples(*[st.integers(1, 7)] * 3), st.sampled_from([(1.0, 1.0, 1.0), (5.0, 1.0, 1.5)]), st.integers(0, 99))
def test_cells_are_means_and_counts_of_their_voxels(shape, spacing, seed):
    rng = np.random.default_rng(seed)
    image, mask = rng.random(shape).astype(np.float32), rng.random(shape) < 0.4
    downsampling = Downsampling.of(task(image, spacing))
    assert downsampling.factors == ((2, 2, 2) if spacing[0] == 1 else (1, 2, 2))
    edge = [(0, (-n) % f) for n, f in zip(shape, downsampling.factors)]
    padded, wide = np.pad(image, edge, mode="edge"), np.pad(mask, edge, mode="edge")
    mean, most, some = downsampling.mean(image), downsampling.majority(mask), downsampling.any(mask)
    for cell in np.ndindex(mean.shape):
        part = tuple(slice(i * f, i * f + f) for i, f in zip(cell, downsampling.factors))
        assert mean[cell] == pytest.approx(padded[part].mean(), abs=1e-6)
        assert most[cell] == (wide[part].mean() >= 0.5)
        assert some[cell] == wide[part].any()
    back = downsampling.upsample(some)
    assert back.shape == shape
    assert back[mask].all()


def test_the_newest_prompt_has_a_cell_that_both_senses_share():
    image = np.zeros((8, 8), np.float32)
    for positive in (True, False):
        made = task(image, (1.0, 1.0), [(2, 2)], [(3, 3)], newest_positive=positive)
        coarse = Downsampling.of(made).task(made)
        assert coarse.positive[1, 1] == positive
        assert coarse.negative[1, 1] != positive


@pytest.mark.parametrize("shape", [(120, 160), (30, 60, 80)])
def test_a_large_region_gives_about_what_a_small_one_gives(shape, monkeypatch):
    grid = np.indices(shape)
    middle = [n // 2 for n in shape]
    ball = sum((g - m) ** 2 for g, m in zip(grid, middle)) < (min(shape) // 3) ** 2
    image = (0.2 + 0.6 * ball + np.random.default_rng(0).normal(0, 0.03, shape)).astype(np.float32)
    spacing = (1.0,) * len(shape)
    first = task(image, spacing, [tuple(middle)])
    half = ball & (grid[-1] < middle[-1])
    voxel = (*middle[:-1], middle[-1] + min(shape) // 7)
    second = task(image, spacing, [voxel], previous=half)
    for made in (first, second):
        small = grow_region_and_cut(made)
        monkeypatch.setattr(downsamplings, "LARGE", {2: 3000, 3: 6000})
        large = grow_region_and_cut(made)
        monkeypatch.undo()
        for mask in (small, large):
            assert 2 * (mask & ball).sum() / (mask.sum() + ball.sum()) > 0.93
