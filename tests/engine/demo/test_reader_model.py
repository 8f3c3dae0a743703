"""The reader model: seeded, within what its numbers say, each step on its own."""

import numpy as np
import pytest
from scipy import ndimage

from maskwright.engine.demo.reader_model import Reader, read_like

SPACING = (2.0, 1.0, 1.0)
NOTHING = Reader("none", bias_mm=0, spread_mm=0, smoothness_mm=4, missed_mm=0, island_mm=0)


def labels() -> np.ndarray:
    array = np.zeros((20, 40, 40), np.uint8)
    array[5:15, 10:30, 10:20] = 1
    array[5:15, 10:30, 20:30] = 2
    return array


def changed(**steps: float) -> np.ndarray:
    reader = Reader(**{**NOTHING.__dict__, **steps})
    return read_like(reader, labels(), SPACING, np.random.default_rng(3))


def test_a_reader_who_changes_nothing_returns_the_labels() -> None:
    assert np.array_equal(changed(), labels())


def test_the_same_seed_gives_the_same_reading() -> None:
    everything = {"bias_mm": 0.5, "spread_mm": 1.0, "missed_mm": 3.0, "island_mm": 2.0}
    assert np.array_equal(changed(**everything), changed(**everything))
    assert not np.array_equal(changed(**everything), labels())


@pytest.mark.parametrize("bias", [-3.0, 3.0])
def test_a_bias_moves_the_outer_boundary_by_so_much(bias: float) -> None:
    before, after = labels() > 0, changed(bias_mm=bias) > 0
    grown = after & ~before if bias > 0 else before & ~after
    outside = before if bias > 0 else ~before
    depth = ndimage.distance_transform_edt(~outside, sampling=SPACING)[grown]
    assert grown.any()
    assert not (after & ~before if bias < 0 else before & ~after).any()
    assert 2.0 <= depth.max() <= 4.0


def test_a_missed_part_is_a_hole_of_that_size_and_nothing_else() -> None:
    after = changed(missed_mm=4.0)
    gone = np.argwhere(after != labels()) * SPACING
    assert len(gone) > 0
    assert (after[after != labels()] == 0).all()
    assert np.ptp(gone, axis=0).max() <= 8.0


def test_an_island_lies_apart_from_the_labels() -> None:
    after = changed(island_mm=3.0)
    new = (after > 0) & (labels() == 0)
    assert np.array_equal(after[labels() > 0], labels()[labels() > 0])
    assert ndimage.label(new)[1] == 1
    assert ndimage.distance_transform_edt(labels() == 0, sampling=SPACING)[new].min() > 2.0


def test_nothing_to_read_stays_nothing() -> None:
    empty = np.zeros((4, 5, 6), np.uint8)
    reader = Reader("r", 1, 1, 2, 3, 3)
    assert not read_like(reader, empty, SPACING, np.random.default_rng(0)).any()
