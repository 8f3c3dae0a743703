"""Frames against weighted means and linear interpolation written out, and there and back."""

import itertools

import numpy as np
import pytest

from maskwright.interactive.methods.network.frame import Frame


def test_a_frame_of_the_arrays_own_cells_shows_it_unchanged_both_ways():
    image = np.random.default_rng(0).normal(size=(6, 6, 6)).astype(np.float32)
    frame = Frame.around((0, 0, 0), (6, 6, 6), image.shape, (2.0, 2.0, 2.0), 6)
    assert frame.lower == (0, 0, 0)
    assert frame.step == (1, 1, 1)
    np.testing.assert_allclose(frame.resample(image), image, atol=1e-6)
    np.testing.assert_allclose(frame.resample_back(image), image, atol=1e-6)


def test_cells_are_cubes_in_mm_with_the_box_in_the_middle():
    frame = Frame.around((2, 4), (4, 12), (10, 20), (4.0, 1.0), 8)
    assert frame.step == (0.25, 1.0)
    assert frame.lower == (2.0, 4.0)


@pytest.mark.parametrize("lower", [(0.0, 0.0), (-7.3, 2.6)])
@pytest.mark.parametrize("step", [(2.0, 3.1), (0.4, 1.0)])
def test_a_cell_is_a_tent_weighted_mean(lower, step):
    image = np.random.default_rng(1).normal(size=(8, 12)).astype(np.float32)
    cells = Frame(image.shape, lower, step, 6).resample(image)
    for cell in itertools.product(range(6), repeat=2):
        total = weights = 0.0
        for voxel in np.ndindex(image.shape):
            middles = zip(cell, voxel, lower, step)
            away = [abs(lo + s * (c + 0.5) - v - 0.5) / max(1.0, s) for c, v, lo, s in middles]
            weight = np.prod([max(0.0, 1 - d) for d in away])
            total, weights = total + weight * image[voxel], weights + weight
        assert cells[cell] == pytest.approx(total / weights if weights else 0.0, abs=1e-5)


def test_back_is_linear_between_cells_and_the_nearest_outside():
    values = np.random.default_rng(2).normal(size=(4, 4)).astype(np.float32)
    frame = Frame((9, 13), (1.3, 2.1), (1.7, 2.3), 4)
    found = frame.resample_back(values)
    for y, x in itertools.product(range(9), range(13)):
        at = [min(max((v + 0.5 - lo) / s - 0.5, 0), 3) for v, lo, s in zip((y, x), frame.lower, frame.step)]
        expected = sum(
            values[j, i] * max(0, 1 - abs(at[0] - j)) * max(0, 1 - abs(at[1] - i))
            for j, i in itertools.product(range(4), repeat=2)
        )
        assert found[y, x] == pytest.approx(expected, abs=1e-5)


def test_prompted_voxels_are_one_in_their_cells_and_fall_off():
    frame = Frame.around((0, 0), (16, 16), (16, 16), (1.0, 1.0), 16)
    prompted = np.zeros((16, 16), bool)
    assert not frame.mark(prompted).any()
    prompted[3, 5] = True
    found = frame.mark(prompted)
    y, x = np.indices((16, 16))
    np.testing.assert_allclose(found, np.exp(-((y - 3) ** 2 + (x - 5) ** 2) / 9), atol=1e-6)


def test_voxels_inside_are_those_whose_middle_lies_in_the_frame():
    frame = Frame((10, 10), (-2.4, 3.6), (1.0, 1.2), 6)
    middles = np.arange(10) + 0.5
    for part, lo, step in zip(frame.inside(), frame.lower, frame.step):
        expected = np.flatnonzero((middles >= lo) & (middles <= lo + 6 * step))
        assert list(range(10))[part] == expected.tolist()


@pytest.mark.parametrize("step", [(1.0, 2.0), (0.4, 5.5)])
@pytest.mark.parametrize("box", [((2, 3), (9, 8)), ((0, 0), (10, 10)), ((4, 5), (5, 6)), ((7, 0), (8, 10))])
def test_a_box_is_the_cells_whose_middle_it_holds(box, step):
    frame = Frame((10, 10), (-2.3, 1.1), step, 6)
    ends = []
    for a, b, lo, size in zip(*box, frame.lower, frame.step):
        middles = lo + size * (np.arange(6) + 0.5)
        held = (middles > a) & (middles < b)
        middle_cell = np.arange(6) == np.floor(((a + b) / 2 - lo) / size)
        thin = not ((lo + size * (np.arange(-50, 50) + 0.5) > a) & (lo + size * (np.arange(-50, 50) + 0.5) < b)).any()
        ends.append(middle_cell if thin else held)
    np.testing.assert_array_equal(frame.box(*box), np.outer(*ends))
