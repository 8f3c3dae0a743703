from __future__ import annotations

import numpy as np
import pytest

from maskwright.engine.volume import Grid, LabelMap, Volume
from maskwright.errors import GeometryError, InputError


def test_from_spacing_maps_indices_to_world_axes() -> None:
    grid = Grid.from_spacing((4, 5, 6), (3.0, 0.5, 0.25))
    assert grid.affine is not None
    # Index (z, y, x) = (1, 2, 4) lies at x = 4 * 0.25, y = 2 * 0.5, z = 1 * 3.
    np.testing.assert_array_equal(grid.affine @ [1, 2, 4, 1], [1.0, 1.0, 3.0, 1.0])
    plane = Grid.from_spacing((5, 6), (0.5, 0.25))
    assert plane.affine is not None
    np.testing.assert_array_equal(plane.affine @ [2, 4, 1], [1.0, 1.0, 0.0, 1.0])


@pytest.mark.parametrize("length", [1e-300, 1e-13, 1e13, 1e300])
def test_an_axis_of_extreme_length_is_refused_by_its_spacing(length):
    """Once "singular", where its square left the range of float64."""
    with pytest.raises(GeometryError, match="finite positive numbers, one for each axis, from 1e-12"):
        Grid((3, 4, 5), np.diag([length, 1.0, 1.0, 1.0]))


@pytest.mark.parametrize("spacing", [(1, 1), (1, 1, 0), (1, 1, -1), (1, 1, np.nan), (1, 1, np.inf)])
def test_bad_spacings_are_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError, match="3 finite positive numbers"):
        Grid.from_spacing((4, 5, 6), spacing)


def test_spacing_of_a_rotated_grid_is_clean() -> None:
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    affine = np.eye(4)
    affine[:3, :3] = turn * [2.5, 0.8, 0.7]
    assert Grid((2, 2, 2), affine).spacing_mm == (2.5, 0.8, 0.7)


def test_shear_is_refused_only_where_distances_need_a_spacing() -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.002
    sheared = LabelMap(np.zeros((2, 2, 2), np.uint8), affine)  # reading and writing one is fine
    with pytest.raises(GeometryError, match="sheared"):
        _ = sheared.spacing_mm
    affine[0, 1] = 0.0009
    spacing = Grid((2, 2, 2), affine).spacing_mm
    assert spacing is not None
    assert spacing == pytest.approx((1, 1, 1), abs=1e-6)


def test_unknown_spacing_is_none_and_required_only_on_request() -> None:
    grid = Grid((3, 4))
    assert grid.spacing_mm is None
    with pytest.raises(GeometryError, match="--spacing-mm"):
        grid.require_spacing()


@pytest.mark.parametrize(
    ("shape", "affine", "message"),
    [
        ((3,), None, "no axis of length 0"),
        ((3, 0), None, "no axis of length 0"),
        ((1, 2, 3, 4), None, "no axis of length 0"),
        ((2, 3, 4), np.eye(3), "must be 4x4"),
        ((2, 3), np.eye(4), "must be 4x3"),
        ((2, 3, 4), np.full((4, 4), np.nan), "finite"),
        ((2, 3, 4), np.ones((4, 4)), "row 0"),
        ((2, 3, 4), np.diag([1.0, 0, 1, 1]), "singular"),
        ((2, 3, 4), np.array([[1.0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "singular"),
    ],
)
def test_what_is_no_grid_is_refused(shape: tuple[int, ...], affine: np.ndarray | None, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        Grid(shape, affine)


def test_corners_lie_half_a_voxel_outside() -> None:
    corners = Grid.from_spacing((2, 4), (3.0, 1.0)).corners_mm()
    np.testing.assert_array_equal(
        sorted(map(tuple, corners)), [(-0.5, -1.5, 0), (-0.5, 4.5, 0), (3.5, -1.5, 0), (3.5, 4.5, 0)]
    )


@pytest.mark.parametrize(("shift", "same"), [(0.0009, True), (0.0011, False)])
def test_same_grid_tolerance_is_a_thousandth_of_a_mm(shift: float, same: bool) -> None:
    grid = Grid.from_spacing((10, 20, 30), (3.0, 0.5, 0.5))
    assert grid.affine is not None
    moved = grid.affine.copy()
    moved[1, 3] += shift
    assert grid.is_same(Grid(grid.shape, moved)) is same
    # A spacing that is wrong by little moves the far corner by much: 29.5 voxels and half a voxel before.
    stretched = grid.affine.copy()
    stretched[0, 2] += shift / 29.5
    assert grid.is_same(Grid(grid.shape, stretched)) is same


def test_grids_without_affine() -> None:
    assert Grid((3, 4)).is_same(Grid((3, 4)))
    assert not Grid((3, 4)).is_same(Grid((4, 3)))
    assert not Grid((3, 4)).is_same(Grid.from_spacing((3, 4), (1, 1)))


def test_volume_checks_its_array() -> None:
    with pytest.raises(InputError, match="real numbers"):
        Volume(np.zeros((2, 2), complex))
    with pytest.raises(InputError, match="axis of 3"):
        Volume(np.zeros((2, 2, 4)), color=True)
    assert Volume(np.zeros((5, 6, 3), np.uint8), color=True).grid.shape == (5, 6)


def test_affine_cannot_be_changed_behind_a_volume() -> None:
    affine = np.eye(4)
    volume = Volume(np.zeros((2, 2, 2)), affine)
    affine[0, 0] = 5
    assert volume.affine is not None
    assert volume.affine[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        volume.affine[0, 0] = 5
