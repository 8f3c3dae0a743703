"""What resampling onto a smaller grid leaves out is counted."""

import numpy as np
import pytest

from maskwright.engine.volume import Grid, LabelMap, align, count_left_out
from maskwright.errors import GeometryError


def cut(labels: LabelMap, *ranges: slice) -> LabelMap:
    """A part of a map, in its place."""
    assert labels.affine is not None
    affine = labels.affine.copy()
    affine[:, -1] = affine @ [*(part.start for part in ranges), 1]
    return LabelMap(labels.array[ranges], affine)


@pytest.fixture
def full() -> LabelMap:
    rng = np.random.default_rng(7)
    affine = Grid.from_spacing((6, 9, 10), (2.5, 0.8, 0.7)).affine
    return LabelMap(rng.integers(0, 3, (6, 9, 10)).astype(np.uint8), affine)


def test_nothing_is_left_out_of_the_same_or_a_larger_grid(full):
    assert count_left_out(full, full) == 0
    assert count_left_out(cut(full, slice(1, 4), slice(2, 8), slice(0, 9)), full) == 0


def test_left_out_and_kept_voxels_add_up(full):
    part = cut(full, slice(1, 4), slice(2, 8), slice(3, 9))
    kept = np.count_nonzero(align(full, part, resample=True).array)
    assert kept > 0
    assert count_left_out(full, part) == np.count_nonzero(full.array) - kept


def test_planes_are_counted_too():
    affine = Grid.from_spacing((4, 5), (1.0, 1.0)).affine
    plane = LabelMap(np.ones((4, 5), np.uint8), affine)
    assert count_left_out(plane, cut(plane, slice(0, 2), slice(0, 5))) == 10


def test_no_place_in_the_world_is_an_error(full):
    assert count_left_out(LabelMap(full.array), LabelMap(full.array)) == 0
    with pytest.raises(GeometryError, match="different grids"):
        count_left_out(LabelMap(full.array), full)
