from __future__ import annotations

import itertools
from importlib import import_module

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import ndimage

from maskwright.engine.volume import Grid, LabelMap, align
from maskwright.errors import GeometryError


@st.composite
def placed_maps(draw: st.DrawFn) -> LabelMap:
    """A label map on a grid turned anywhere in the world, 2-D or 3-D."""
    ndim = draw(st.sampled_from([2, 3]))
    shape = draw(st.tuples(*[st.integers(1, 6)] * ndim))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    affine = np.zeros((4, ndim + 1))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    affine[:3, :ndim] = turn[:, :ndim] * rng.uniform(0.3, 5, ndim)
    affine[:3, ndim] = rng.uniform(-300, 300, 3)
    affine[3, ndim] = 1
    return LabelMap(rng.integers(0, 9, shape), affine)


def turned(labels: LabelMap, order: list[int], flips: list[bool]) -> LabelMap:
    """Store the same voxels in another axis order and direction, by indexing every voxel on its own."""
    assert labels.affine is not None
    shape = [labels.array.shape[axis] for axis in order]
    array = np.zeros(shape, labels.array.dtype)
    ndim = len(order)

    def original(index: tuple[int, ...]) -> list[int]:
        at = [0] * ndim
        for axis, step in enumerate(index):
            at[order[axis]] = shape[axis] - 1 - step if flips[axis] else step
        return at

    for index in itertools.product(*map(range, shape)):
        array[index] = labels.array[tuple(original(index))]
    # The affine is linear, so that it is fixed by where index 0 and the unit indices go.
    world = [labels.affine @ [*original(tuple(row)), 1] for row in [[0] * ndim, *np.eye(ndim, dtype=int).tolist()]]
    affine = np.column_stack([*(unit - world[0] for unit in world[1:]), world[0]])
    return LabelMap(array, affine)


@given(placed_maps(), st.data())
def test_signed_permutations_give_the_original_back(labels: LabelMap, data: st.DataObject) -> None:
    ndim = labels.array.ndim
    order = data.draw(st.permutations(range(ndim)))
    flips = data.draw(st.lists(st.booleans(), min_size=ndim, max_size=ndim))
    stored = turned(labels, list(order), flips)
    aligned = align(stored, labels)
    np.testing.assert_array_equal(aligned.array, labels.array)
    assert np.shares_memory(aligned.array, stored.array)
    np.testing.assert_array_equal(aligned.affine, labels.affine)


@given(placed_maps(), st.data())
def test_half_a_voxel_is_refused_and_names_both_affines(labels: LabelMap, data: st.DataObject) -> None:
    assert labels.affine is not None
    axis = data.draw(st.integers(0, labels.array.ndim - 1))
    moved = labels.affine.copy()
    moved[:, -1] += moved[:, axis] * 0.5
    shifted = LabelMap(labels.array, moved)
    with pytest.raises(GeometryError) as caught:
        align(shifted, labels)
    message = str(caught.value)
    assert "\n" not in message
    assert labels.grid.describe_affine() in message
    assert shifted.grid.describe_affine() in message
    assert "--resample" in message


@given(placed_maps())
def test_resampling_a_hundredth_of_a_mm_changes_nothing(labels: LabelMap) -> None:
    assert labels.affine is not None
    assume(labels.array.ndim == 3)  # a plane moved off itself is refused
    jittered = labels.affine.copy()
    jittered[:3, -1] += 0.01  # too far for the same grid, too little for another nearest voxel
    moved = LabelMap(labels.array, jittered)
    with pytest.raises(GeometryError):
        align(moved, labels)
    np.testing.assert_array_equal(align(moved, labels, resample=True).array, labels.array)


@pytest.mark.parametrize(("shift", "fits"), [(0.0009, True), (0.0011, False)])
def test_tolerance(shift: float, fits: bool) -> None:
    grid = Grid.from_spacing((4, 5, 6), (2.0, 1.0, 1.0))
    assert grid.affine is not None
    reference = LabelMap(np.arange(120).reshape(4, 5, 6), grid.affine)
    moved = grid.affine.copy()
    moved[2, 3] += shift
    prediction = LabelMap(reference.array, moved)
    if fits:
        np.testing.assert_array_equal(align(prediction, reference).affine, grid.affine)
        return
    with pytest.raises(GeometryError, match=r"corners are up to 0\.0011 mm apart \(allowed: 0\.001\)"):
        align(prediction, reference)


def test_resampling_agrees_with_scipy_away_from_ties() -> None:
    rng = np.random.default_rng(5)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    ours, theirs = np.eye(4), np.eye(4)
    ours[:3, :3], ours[:3, 3] = turn * [1.3, 0.7, 0.9], [3, -4, 5]
    theirs[:3, :3], theirs[:3, 3] = np.diag([0.8, 1.1, 1.0]), [-6, -7, -8]
    prediction = LabelMap(rng.integers(0, 200, (20, 21, 22)), ours)
    reference = LabelMap(np.zeros((15, 16, 17), np.uint8), theirs)
    mapping = np.linalg.inv(ours) @ theirs
    expected = ndimage.affine_transform(
        prediction.array, mapping[:3, :3], mapping[:3, 3], (15, 16, 17), order=0, mode="constant", cval=0
    )
    got = align(prediction, reference, resample=True).array
    # scipy tests the border on the position, this on the nearest index: half a voxel of rim may differ.
    grid = np.stack(np.meshgrid(*map(np.arange, (15, 16, 17)), indexing="ij"), -1) @ mapping[:3, :3].T + mapping[:3, 3]
    inner = ((grid >= 0) & (grid <= np.array(prediction.array.shape) - 1)).all(-1)
    assert inner.sum() > 300
    np.testing.assert_array_equal(got[inner], expected[inner])
    far = ((grid < -0.51) | (grid > np.array(prediction.array.shape) - 0.49)).any(-1)
    assert far.any()
    assert not got[far].any()


def test_ties_take_the_higher_index() -> None:
    grid = Grid.from_spacing((6, 2), (1.0, 1.0))
    assert grid.affine is not None
    prediction = LabelMap(np.repeat(np.arange(1, 7)[:, None], 2, axis=1), grid.affine)
    for tie in (0.5, 0.5 - 1e-9, 0.5 + 1e-9):  # rounding must not decide
        moved = grid.affine.copy()
        moved[1, 2] += tie
        aligned = align(prediction, LabelMap(np.zeros((6, 2), np.uint8), moved), resample=True)
        np.testing.assert_array_equal(aligned.array[:, 0], [2, 3, 4, 5, 6, 0])


def test_resampling_works_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    prediction = LabelMap(rng.integers(0, 9, (12, 13, 14)), Grid.from_spacing((12, 13, 14), (1, 1, 1)).affine)
    reference = LabelMap(np.zeros((20, 9, 9), np.uint8), Grid.from_spacing((20, 9, 9), (0.6, 1.3, 1.2)).affine)
    whole = align(prediction, reference, resample=True).array
    monkeypatch.setattr(import_module("maskwright.engine.volume.align"), "_BLOCK", 100)
    np.testing.assert_array_equal(align(prediction, reference, resample=True).array, whole)


def test_sub_grid_is_padded_exactly() -> None:
    grid = Grid.from_spacing((8, 9, 10), (2.5, 0.7, 0.7))
    assert grid.affine is not None
    whole = np.zeros((8, 9, 10), np.uint8)
    whole[2:5, 3:7, 1:9] = np.random.default_rng(0).integers(1, 9, (3, 4, 8))
    part = grid.affine.copy()
    part[:, 3] = grid.affine @ [2, 3, 1, 1]
    cut = LabelMap(whole[2:5, 3:7, 1:9], part)
    np.testing.assert_array_equal(align(cut, LabelMap(whole, grid.affine), resample=True).array, whole)


def test_grids_that_do_not_meet_are_refused() -> None:
    grid = Grid.from_spacing((4, 4), (1, 1))
    assert grid.affine is not None
    far = grid.affine.copy()
    far[0, 2] = 100
    with pytest.raises(GeometryError, match="does not meet"):
        align(LabelMap(np.ones((4, 4)), far), LabelMap(np.ones((4, 4)), grid.affine), resample=True)


def test_planes_side_by_side_are_refused() -> None:
    grid = Grid.from_spacing((4, 4), (1, 1))
    assert grid.affine is not None
    above = grid.affine.copy()
    above[2, 2] = 5
    with pytest.raises(GeometryError, match="one plane"):
        align(LabelMap(np.ones((4, 4)), above), LabelMap(np.ones((4, 4)), grid.affine), resample=True)


@pytest.mark.parametrize("resample", [False, True])
def test_without_affine_only_equal_shapes_fit(resample: bool) -> None:
    bare = LabelMap(np.ones((3, 4)))
    assert align(LabelMap(np.zeros((3, 4))), bare, resample=resample).affine is None
    placed = LabelMap(np.ones((3, 4)), Grid.from_spacing((3, 4), (1, 1)).affine)
    for prediction, reference in [(LabelMap(np.ones((4, 3))), bare), (bare, placed), (placed, bare)]:
        with pytest.raises(GeometryError, match="unknown"):
            align(prediction, reference, resample=resample)


def test_planes_and_volumes_do_not_fit() -> None:
    plane = LabelMap(np.ones((3, 4)), Grid.from_spacing((3, 4), (1, 1)).affine)
    volume = LabelMap(np.ones((1, 3, 4)), Grid.from_spacing((1, 3, 4), (1, 1, 1)).affine)
    with pytest.raises(GeometryError, match=r"\(1, 3, 4\).*\(3, 4\)"):
        align(plane, volume, resample=True)
