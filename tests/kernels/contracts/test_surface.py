"""Surface voxels of all labels at once against erosion, label by label."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import LabelError
from maskwright.kernels.surface import find_surfaces
from reference import surface as reference
from support.label_pairs import KINDS, LABELS, LAYOUTS, draw_label_map, lay_out
from support.twins import in_parts, twins

# Rows are scanned in blocks of 64 voxels between the first voxel and the last.
WIDTHS = (1, 2, 3, 16, 63, 64, 65, 66, 67, 68, 129, 130, 131, 200)


def check(array, labels, put=np.asarray, take=np.asarray):
    groups = find_surfaces(put(array), labels)
    groups = replace(groups, points=take(groups.points))
    assert len(groups) == len(labels)
    assert groups.shape == (array.shape if array.ndim == 3 else (1, *array.shape))
    for group, label in enumerate(labels):
        np.testing.assert_array_equal(groups[group], reference.surface_voxels(array, label))
    assert groups.offsets[-1] == len(groups.points)
    return groups


@st.composite
def label_maps(draw):
    """A label map of any kind and layout, with axes of length 1 and 2 among others, and the labels to look for."""
    nz, ny = draw(st.tuples(*[st.sampled_from([1, 2, 3, 6])] * 2))
    nx = draw(st.sampled_from(WIDTHS))
    shape = draw(st.sampled_from([(nz, ny, nx), (ny, nx)]))
    dtype = draw(st.sampled_from(sorted(LABELS)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array = draw_label_map(rng, shape, dtype, draw(st.sampled_from(KINDS)))
    labels = draw(st.sets(st.sampled_from([1, 2, 3, 7, 255, 256, 300, 65_535, 70_000, 2**32 - 1, 2**32 + 1])))
    return lay_out(array, draw(st.sampled_from(LAYOUTS))), sorted(labels)


@pytest.mark.parametrize("twin", twins("surface"))
@settings(deadline=None, max_examples=150)  # the first calls compile
@given(label_maps())
def test_surfaces_equal_erosion(twin, case):
    with twin.running():
        check(*case, twin.put, twin.take)


@pytest.mark.parametrize("nx", WIDTHS)
@pytest.mark.parametrize("planar", [False, True])
def test_one_odd_voxel_anywhere_in_a_row_is_found(nx, planar):
    """The odd voxel is on the row itself or on one of its neighbours; all else is full, or holds that voxel parted."""
    shape = (5, nx) if planar else (5, 5, nx)
    middle = (2,) * (len(shape) - 1)
    rows = [
        middle,
        *(tuple(np.array(middle) + step) for axis in np.eye(len(middle), dtype=int) for step in (axis, -axis)),
    ]
    for x in {*range(min(nx, 4)), *range(max(nx - 4, 0), nx), nx // 2, min(63, nx - 1), min(64, nx - 1)}:
        for row in rows:
            array = np.ones(shape, np.uint8)
            array[(*row, x)] = 2
            check(array, [1, 2])
            check(array - np.uint8(1), [1])


@pytest.mark.parametrize("nx", [5, 66, 150])
def test_touching_labels_are_each_others_outside(nx):
    array = np.random.default_rng(nx).integers(1, 4, (6, 7, nx)).astype(np.uint8)
    array[1:5, 1:6, : nx // 2] = 2
    check(array, [1, 2, 3])


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_many_labels_at_once(dtype):
    """More labels than rows; with 32 bits each is searched for, with 16 it is in a table."""
    top = np.iinfo(dtype).max
    cells = np.arange(4 * 5 * 30, dtype=dtype).reshape(4, 5, 30)
    array = np.where(cells % 7 == 0, 0, top - cells).astype(dtype).repeat(2, 0).repeat(3, 1).repeat(4, 2)
    present = np.unique(array)[1:]
    groups = check(array, sorted({1, 2, *present[::3].tolist()}))
    assert groups.sizes[:2].tolist() == [0, 0]


def test_a_surface_of_every_voxel_outgrows_the_first_guess():
    """Room is first made for one voxel in sixteen."""
    array = (np.indices((50, 64, 130)).sum(axis=0) % 2 + 1).astype(np.uint8)
    groups = find_surfaces(array, [1, 2])
    np.testing.assert_array_equal(groups[0], np.flatnonzero(array == 1))
    np.testing.assert_array_equal(groups[1], np.flatnonzero(array == 2))


def test_threads_do_not_change_the_groups():
    rng = np.random.default_rng(8)
    array = rng.integers(0, 4, (9, 12, 20)).astype(np.uint8).repeat(3, 0).repeat(4, 1).repeat(5, 2)
    both = check(array, [1, 2, 3, 300])
    with in_parts(5):
        parted = find_surfaces(array, [1, 2, 3, 300])
    np.testing.assert_array_equal(parted.points, both.points)
    np.testing.assert_array_equal(parted.offsets, both.offsets)


@pytest.mark.parametrize("labels", [[], [256], [256, 65_536]])
def test_labels_that_the_dtype_cannot_hold_have_empty_groups_and_do_not_wrap(labels):
    groups = check(np.ones((3, 4, 5), np.uint8), labels)
    assert groups.sizes.tolist() == [0] * len(labels)


@pytest.mark.parametrize("shape", [(0, 4, 5), (4, 0, 5), (4, 5, 0), (0, 5), (5, 0), (0, 0, 0)])
def test_an_array_of_size_0_has_no_surface(shape):
    array = np.ones([6] * len(shape), np.uint8)[tuple(slice(size) for size in shape)]  # what lies behind is not read
    assert check(array, [1, 2]).sizes.tolist() == [0, 0]


@pytest.mark.parametrize("labels", [[0, 1], [2, 1], [1, 1], 1, [[1]]])
def test_labels_out_of_order_are_refused(labels):
    with pytest.raises(LabelError, match="expected whole numbers, ascending, without 0"):
        find_surfaces(np.zeros((3, 3), np.uint8), labels)


@pytest.mark.parametrize("labels", [[-1, 1], [1.5], np.array([1, -1])])
def test_labels_that_are_not_whole_are_refused(labels):
    with pytest.raises(LabelError, match="expected whole numbers, ascending, without 0"):
        find_surfaces(np.zeros((3, 3), np.uint8), labels)


def test_groups_can_be_taken_in_ranges():
    array = np.random.default_rng(1).integers(0, 6, (4, 5, 6)).astype(np.uint8)
    groups = find_surfaces(array, [1, 2, 3, 4, 5, 9])
    part = groups.between(2, 6)
    assert (len(part), part.shape) == (4, groups.shape)
    for group in range(4):
        np.testing.assert_array_equal(part[group], groups[2 + group])
    np.testing.assert_array_equal(part.sizes, groups.sizes[2:])
    assert np.shares_memory(part.points, groups.points)
