"""Boxes of groups of points against the smallest and largest index, and the split of a flat index."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from maskwright.kernels.boxes import group_boxes
from maskwright.kernels.flat_index import split_index
from maskwright.kernels.point_groups import PointGroups


@st.composite
def point_groups(draw):
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 40), st.integers(1, 3000)))
    places = st.integers(0, shape[0] * shape[1] * shape[2] - 1)
    groups = [sorted(group) for group in draw(st.lists(st.sets(places, max_size=6), max_size=6))]
    points = np.array([place for group in groups for place in group], draw(st.sampled_from([np.uint32, np.int64])))
    starts = np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64)
    return PointGroups(points, starts, shape)


@settings(deadline=None)  # the first calls compile
@given(point_groups())
def test_boxes_hold_their_points_tightly(groups):
    boxes = group_boxes(groups)
    assert boxes.shape == (len(groups), 3, 2)
    assert boxes.dtype == np.int64
    for group, box in enumerate(boxes):
        if len(groups[group]) == 0:
            assert not box.any()
            continue
        places = np.array(np.unravel_index(groups[group], groups.shape))
        np.testing.assert_array_equal(box, np.stack([places.min(axis=1), places.max(axis=1) + 1], axis=1))


def test_a_box_beyond_the_reach_of_32_bits():
    shape = (3, 50_000, 60_000)
    places = [(1, 49_999, 59_999), (2, 7, 31_415), (2, 49_998, 3)]
    points = np.array([(z * shape[1] + y) * shape[2] + x for z, y, x in places], np.int64)
    boxes = group_boxes(PointGroups(points, np.array([0, 0, 3]), shape))
    assert boxes.tolist() == [[[0, 0]] * 3, [[1, 3], [7, 50_000], [3, 60_000]]]


@njit
def split(index, size):
    return split_index(index, size, 1.0 / size)


@settings(deadline=None)
@given(st.data(), st.integers(1, 2**31), st.booleans())
def test_an_index_is_split_as_divmod_does(data, size, at_a_border):
    index = data.draw(st.integers(0, 2**52 - 1))
    if at_a_border:  # the first or the last place of a line is where rounding shows
        index = max(0, index // size * size - data.draw(st.integers(0, 1)))
    assert split(np.int64(index), np.int64(size)) == divmod(index, size)
    assert split(np.uint32(index % 2**32), np.int64(size)) == divmod(index % 2**32, size)
