"""Boundaries of masks against the distance from every voxel to every surface voxel, in both ways to count them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import GeometryError
from maskwright.kernels import boundary
from maskwright.kernels.boundary import cpu
from maskwright.kernels.distance.lattice import make_lattice
from maskwright.kernels.surface import find_surfaces
from reference import boundary as reference
from support.label_pairs import KINDS, draw_label_map
from support.twins import in_parts, twins

SLACK = 1 + 1e-9  # as compare passes its tolerances: 3 x 0.8 mm is within 2.4 mm
WIDTHS = (1, 2, 20, 63, 64, 65, 70, 127, 128, 129, 140)  # rows are grown in words of 64 voxels


def count(first, second, labels, spacing_mm, tolerance_mm, put=np.asarray):
    labels = np.array(labels, np.uint64)
    first, second = put(first), put(second)
    surfaces = find_surfaces(first, labels), find_surfaces(second, labels)
    lattice = make_lattice(surfaces[0].shape, spacing_mm if len(first.shape) == 3 else (1.0, *spacing_mm))
    return boundary.count_boundary_voxels(first, second, labels, *surfaces, lattice, tolerance_mm * SLACK)


def count_both_ways(monkeypatch, first, second, labels, spacing_mm, tolerance_mm):
    """Count as the limits choose, and by the distance transform in any case."""
    found = count(first, second, labels, spacing_mm, tolerance_mm)
    with monkeypatch.context() as patched:
        patched.setattr(cpu, "_MOST_ROWS", 0)
        transformed = count(first, second, labels, spacing_mm, tolerance_mm)
    np.testing.assert_array_equal(transformed, found)
    return found


def check(monkeypatch, first, second, labels, spacing_mm, tolerance_mm):
    found = count_both_ways(monkeypatch, first, second, labels, spacing_mm, tolerance_mm)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(
        found, reference.count_boundary_voxels(first, second, labels, spacing_mm, tolerance_mm)
    )
    return found


@st.composite
def pairs(draw):
    """Two related or unrelated label maps somewhere on a grid, so that boxes begin and end anywhere."""
    nz, ny, nx = draw(st.sampled_from([1, 2, 4])), draw(st.sampled_from([1, 3, 5])), draw(st.sampled_from(WIDTHS))
    shape = draw(st.sampled_from([(nz, ny, nx), (ny, nx)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    first, second = (draw_label_map(rng, shape, "uint8", draw(st.sampled_from(KINDS))) for _ in range(2))
    if draw(st.booleans()):
        second = np.roll(first, rng.integers(-2, 3, len(shape)), range(len(shape)))
    start = draw(st.integers(0, nx - 1))
    for array in (first, second):
        array[..., :start] = 0
    spacing_mm = draw(st.sampled_from([(1.0, 1.0, 1.0), (2.5, 0.8, 0.8), (0.5, 3.0, 1.5), (1.0, 0.9, 0.1234567)]))
    return first, second, spacing_mm[-len(shape) :]


TOLERANCES_MM = st.sampled_from([0.0, 0.3, 0.8, 1.0, 1.6, 2.0, 2.4, 3.3, 7.0, 8.0, 60.0, 200.0])


@pytest.mark.parametrize("twin", twins("boundary"))
@settings(deadline=None, max_examples=40)  # the first calls compile
@given(pairs(), TOLERANCES_MM)
def test_boundaries_equal_the_plain_distances(twin, case, tolerance_mm):
    first, second, spacing_mm = case
    labels = [1, 2, 7]
    with twin.running():
        found = twin.take(count(first, second, labels, spacing_mm, tolerance_mm, twin.put))
    np.testing.assert_array_equal(
        found, reference.count_boundary_voxels(first, second, labels, spacing_mm, tolerance_mm)
    )


@settings(deadline=None, max_examples=40)
@given(pairs(), TOLERANCES_MM)
def test_both_ways_to_count_equal_the_plain_distances(case, tolerance_mm):
    first, second, spacing_mm = case
    with pytest.MonkeyPatch.context() as monkeypatch:
        check(monkeypatch, first, second, [1, 2, 7], spacing_mm, tolerance_mm)


@pytest.mark.parametrize("words", [1, 2, 3])
@pytest.mark.parametrize("offset", [0, 1, 30])
def test_a_boundary_crosses_from_word_to_word_either_way(monkeypatch, words, offset):
    """Of a block far from the rows of its corners, so that no other edge than the one at hand reaches over."""
    border = offset + 64 * words
    for edge in range(border - 7, border + 8):
        right, left = np.zeros((2, 13, border + 64), np.uint8)
        right[:, edge:], left[:, offset:edge] = 1, 1
        found = check(monkeypatch, right, left, [1], (1.0, 0.8), 3.2)
        assert found[0, 2] == 0 < found[0, :2].min()


def blobs(seed, shape):
    """Two readings of three labels that fill most of the grid, so that boundaries are not the whole label."""
    rng = np.random.default_rng(seed)
    first = np.zeros(shape, np.uint8)
    middle = shape[-1] // 2
    first[..., 3 : middle - 4] = 1
    first[..., middle + 1 : -2] = 2
    first[..., middle - 4 : middle + 1] = 3
    second = np.roll(first, rng.integers(1, 4, len(shape)), range(len(shape)))
    second[rng.random(shape) < 0.002] = 2
    return first, second


@pytest.mark.parametrize("tolerance_mm", [0.0, 1.0, 2.4, 5.0, 11.0, 40.0, 63.0, 64.0])
@pytest.mark.parametrize("shape", [(35, 40, 130), (90, 260)])
def test_both_ways_to_count_agree_over_many_slabs_and_words(monkeypatch, shape, tolerance_mm):
    first, second = blobs(1, shape)
    found = count_both_ways(monkeypatch, first, second, [1, 2, 3], (0.8, 1.0, 1.0)[-len(shape) :], tolerance_mm)
    assert (found[:, 2] <= found[:, :2].min(axis=1)).all()
    assert (found > 0).all()


@pytest.mark.parametrize(
    ("shape", "tolerance_mm", "transforms"),
    [
        ((25, 25, 30), 11.0, False),  # a ball of 377 rows
        ((25, 25, 30), 12.0, True),  # of 441
        ((3, 4, 90), 63.0, False),
        ((3, 4, 90), 64.0, True),  # further along x than a word can be shifted
    ],
)
def test_large_balls_are_left_to_the_transform(monkeypatch, shape, tolerance_mm, transforms):
    ways = []
    for name in ("count_in_slabs", "count_by_transform"):
        counting = getattr(cpu, name)
        monkeypatch.setattr(cpu, name, lambda *args, _of=counting, _name=name: ways.append(_name) or _of(*args))
    first, second = blobs(2, shape)
    found = count(first, second, [1, 2, 3], (1.0, 1.0, 1.0), tolerance_mm)
    assert ways == ["count_by_transform" if transforms else "count_in_slabs"]
    np.testing.assert_array_equal(
        found, reference.count_boundary_voxels(first, second, [1, 2, 3], (1.0,) * 3, tolerance_mm)
    )


def test_at_limit_0_a_boundary_is_the_surface(monkeypatch):
    first, second = blobs(3, (6, 8, 70))
    found = count_both_ways(monkeypatch, first, second, [1, 2, 3], (2.5, 0.8, 0.8), 0.0)
    for column, array in enumerate((first, second)):
        assert found[:, column].tolist() == find_surfaces(array, [1, 2, 3]).sizes.tolist()


@pytest.mark.parametrize("tolerance_mm", [1.0, 100.0])
def test_labels_on_one_side_on_none_and_in_boxes_apart(monkeypatch, tolerance_mm):
    first, second = np.zeros((2, 6, 9, 140), np.uint8)
    first[1:4, 2:6, 5:20] = 1
    second[1:4, 2:6, 30:50] = 2
    first[0:2, 0:3, 60:70], second[4:6, 6:9, 120:140] = 3, 3
    found = check(monkeypatch, first, second, [1, 2, 3, 4], (1.0, 1.0, 1.0), tolerance_mm)
    assert (found > 0).tolist() == [[True, False, False], [False, True, False], [True, True, False], [False] * 3]


def test_the_largest_label_and_arrays_of_two_types(monkeypatch):
    first, second = blobs(4, (4, 6, 80))
    first = np.where(first == 3, 2**32 - 1, first).astype(np.uint32)
    check(monkeypatch, first, second, [1, 2, 2**32 - 1], (1.0, 1.0, 1.0), 2.0)


def test_other_strides_have_the_same_boundaries(monkeypatch):
    first, second = blobs(5, (6, 8, 70))
    expected = count(first, second, [1, 2], (2.5, 0.8, 0.8), 2.4)
    turned = np.asfortranarray(first), second[::-1].copy()[::-1]
    np.testing.assert_array_equal(count(*turned, [1, 2], (2.5, 0.8, 0.8), 2.4), expected)


def test_threads_do_not_change_the_boundaries():
    first, second = blobs(6, (40, 30, 130))
    found = count(first, second, [1, 2, 3], (1.0, 1.0, 1.0), 3.0)
    with in_parts(5):
        parted = count(first, second, [1, 2, 3], (1.0, 1.0, 1.0), 3.0)
    np.testing.assert_array_equal(parted, found)


@pytest.mark.parametrize("labels", [[], [5, 6]])
@pytest.mark.parametrize("tolerance_mm", [1.0, 100.0])
def test_without_a_voxel_boundaries_are_empty(monkeypatch, labels, tolerance_mm):
    empty = np.zeros((20, 20, 40), np.uint8)
    found = count_both_ways(monkeypatch, empty, empty, labels, (1.0, 1.0, 1.0), tolerance_mm)
    assert found.tolist() == [[0, 0, 0]] * len(labels)


def test_the_limit_itself_belongs_to_the_boundary_with_slack_for_its_rounding():
    """2.4 / 0.8 is 2.9999999999999996."""
    volume = np.ones((9, 9, 9), np.uint8)
    assert count(volume, volume, [1], (0.8, 0.8, 0.8), 2.4).tolist() == [[9**3 - 1] * 3]  # the middle is 4 steps off
    assert count(volume, volume, [1], (0.75, 0.75, 0.75), 2.25).tolist() == [[9**3 - 1] * 3]
    assert count(volume, volume, [1], (0.75, 0.75, 0.75), 2.24).tolist() == [[9**3 - 3**3] * 3]


@pytest.mark.parametrize("tolerance_mm", [1e6, 1e300])
def test_a_limit_beyond_the_grid_takes_in_every_voxel(tolerance_mm):
    volume = np.ones((5, 6, 7), np.uint8)
    assert count(volume, volume, [1], (0.8, 0.8, 0.8), tolerance_mm).tolist() == [[volume.size] * 3]


def test_arrays_of_different_shapes_are_refused():
    one, other = np.ones((3, 4, 5), np.uint8), np.ones((3, 5, 4), np.uint8)
    surfaces = find_surfaces(one, [1])
    lattice = make_lattice((3, 4, 5), (1.0, 1.0, 1.0))
    with pytest.raises(GeometryError, match="expected equal shapes"):
        boundary.count_boundary_voxels(one, other, np.array([1], np.uint64), surfaces, surfaces, lattice, 1.0)
