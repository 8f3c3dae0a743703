"""Surface elements of all labels at once against a look at every block, label by label."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import GeometryError, LabelError
from maskwright.kernels.surface import SurfaceElements, element_areas_3d, element_lengths_2d, find_elements
from reference import surface as reference
from support.label_pairs import KINDS, LABELS, LAYOUTS, draw_label_map, lay_out
from support.twins import in_parts, twins

SPACING_MM = (2.5, 0.8, 0.7)  # no two codes that are mirror images of each other about different axes look alike
WIDTHS = (1, 2, 3, 16, 62, 63, 64, 65, 66, 127, 128, 130)  # one block more than voxels, in blocks of 64


def check(array, labels, spacing_mm=None, put=np.asarray, take=np.asarray):
    spacing_mm = spacing_mm or SPACING_MM[-array.ndim :]
    table = element_areas_3d(spacing_mm) if array.ndim == 3 else element_lengths_2d(spacing_mm)
    found = find_elements(put(array), labels, spacing_mm)
    found = SurfaceElements(replace(found.points, points=take(found.points.points)), take(found.areas))
    grid = tuple(size + 1 for size in array.shape)
    assert found.points.shape == (grid if array.ndim == 3 else (1, *grid))
    assert len(found.points) == len(labels)
    for group, label in enumerate(labels):
        points, codes = reference.surface_elements(array, label)
        np.testing.assert_array_equal(found.points[group], points)
        np.testing.assert_array_equal(found.between(group, group + 1).areas, table[codes])
    assert found.points.offsets[-1] == len(found.points.points) == len(found.areas)
    return found


@st.composite
def label_maps(draw):
    """A label map of any kind and layout, with axes of length 1 and 2 among others, and the labels to look for."""
    nz, ny = draw(st.tuples(*[st.sampled_from([1, 2, 3])] * 2))
    nx = draw(st.sampled_from(WIDTHS))
    shape = draw(st.sampled_from([(nz, ny, nx), (ny, nx)]))
    dtype = draw(st.sampled_from(["bool", "uint8", "uint32"]))  # 16 bits are looked up in a table as 8 are
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array = draw_label_map(rng, shape, dtype, draw(st.sampled_from(KINDS)))
    # The oracle walks every block in Python: three labels are enough.
    labels = draw(st.sets(st.sampled_from([*LABELS[dtype], 2, 256, 2**32 + 1]), max_size=3))
    return lay_out(array, draw(st.sampled_from(LAYOUTS))), sorted(labels)


@pytest.mark.parametrize("twin", twins("surface"))
@settings(deadline=None)  # the first calls compile
@given(label_maps())
def test_elements_equal_the_plain_definition(twin, case):
    with twin.running():
        check(*case, put=twin.put, take=twin.take)


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 2)])
def test_every_code_is_read_corner_by_corner(shape):
    """All 256 blocks (16 in a plane), of the label in background and in another label that touches it."""
    size = int(np.prod(shape))
    for code in range(1 << size):
        inside = np.array([code >> bit & 1 for bit in range(size)], bool).reshape(shape)
        check(inside, [1])
        check(np.where(inside, 5, 9).astype(np.uint8), [5, 9])


@pytest.mark.parametrize("nx", [63, 64, 65, 130])
@pytest.mark.parametrize("planar", [False, True])
def test_one_odd_voxel_anywhere_in_a_row_is_found(nx, planar):
    shape = (2, nx) if planar else (2, 1, nx)
    for x in {*range(2), *range(nx - 3, nx), 31, 61, 62, min(63, nx - 1), min(64, nx - 1)}:
        array = np.ones(shape, np.uint8)
        array[-1, ..., x] = 2
        check(array, [1, 2])
        check(array - np.uint8(1), [1])


def test_many_labels_in_one_block():
    array = np.random.default_rng(2).permutation(np.arange(5 * 6 * 7)).reshape(5, 6, 7).astype(np.uint32)
    check(array, [1, 2, 100, 209, 300])


def test_a_surface_of_every_block_outgrows_the_first_guess():
    """Room is first made for one block in sixteen; here every block holds both labels, and each has the same code."""
    array = (np.indices((20, 40, 130)).sum(axis=0) % 2 + 1).astype(np.uint8)
    found = find_elements(array, [1, 2], SPACING_MM)
    inner = np.zeros(found.points.shape, bool)
    inner[1:-1, 1:-1, 1:-1] = True
    for group in range(2):
        assert set(np.flatnonzero(inner)) <= set(found.points[group].tolist())
        areas = found.between(group, group + 1).areas[inner.ravel()[found.points[group]]]
        np.testing.assert_array_equal(areas, element_areas_3d(SPACING_MM)[0b01101001])


def test_the_areas_of_a_box_are_those_of_its_faces_up_to_the_rounded_edges():
    array = np.zeros((12, 24, 24), np.uint8)
    array[1:11, 2:22, 2:22] = 1
    found = find_elements(array, [1], (2.0, 1.0, 1.0))
    flat = 2 * (19 * 19 * 1.0 * 1.0 + 2 * 9 * 19 * 2.0 * 1.0)  # between the outermost voxel centres, on six faces
    box = 2 * (20 * 20 * 1.0 + 2 * 20.0 * 20 * 1.0)
    assert flat < found.areas.sum() < box


def test_threads_do_not_change_the_elements():
    array = np.random.default_rng(9).integers(0, 4, (9, 12, 20)).astype(np.uint8).repeat(3, 0).repeat(4, 2)
    both = find_elements(array, [1, 2, 3], SPACING_MM)
    with in_parts(5):
        parted = find_elements(array, [1, 2, 3], SPACING_MM)
    np.testing.assert_array_equal(parted.points.points, both.points.points)
    np.testing.assert_array_equal(parted.points.offsets, both.points.offsets)
    np.testing.assert_array_equal(parted.areas, both.areas)


@pytest.mark.parametrize("shape", [(0, 4, 5), (4, 0, 5), (4, 5, 0), (0, 5), (5, 0)])
def test_an_array_of_size_0_has_no_element(shape):
    array = np.ones([6] * len(shape), np.uint8)[tuple(slice(size) for size in shape)]  # what lies behind is not read
    assert check(array, [1, 2]).points.sizes.tolist() == [0, 0]


def test_what_has_no_area_is_refused():
    with pytest.raises(GeometryError, match="expected 2 finite positive numbers"):
        find_elements(np.zeros((3, 3), np.uint8), [1], (1.0, 1.0, 1.0))
    with pytest.raises(LabelError, match="ascending, without 0"):
        find_elements(np.zeros((3, 3), np.uint8), [0], (1.0, 1.0))
