"""Bring a prediction onto the grid of its reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.volume.grid import SAME_GRID_MM, Grid
from maskwright.engine.volume.volume import LabelMap
from maskwright.errors import GeometryError

_BLOCK = 1 << 20  # voxels resampled in one go
_TIE = 1e-6  # in voxels; a position this close below the middle between two voxels counts as the middle


def align(prediction: LabelMap, reference: LabelMap, *, resample: bool = False) -> LabelMap:
    """Return the prediction on the grid of the reference.

    The same grid (equal shape, every corner within 1e-3 mm) is taken as it is. The same grid stored in another axis
    order or direction is permuted and flipped: a view of the prediction's array, nothing is interpolated. Two maps
    without affine need equal shapes.

    Parameters
    ----------
    prediction, reference : LabelMap
        Both 3-D or both 2-D.
    resample : bool
        For any other geometry: take the nearest voxel of the prediction at each voxel centre of the reference, 0
        outside the prediction's grid. A centre in the middle between two voxels takes the one of higher index: the
        index is floor(position + 0.5 + 1e-6) along each axis. Needs both affines.

    Returns
    -------
    LabelMap
        With the reference's shape and affine, and the prediction's source.

    Raises
    ------
    GeometryError
        The grids differ and ``resample`` is off, or an affine is missing, or the grids do not meet at all.
    """
    ours, theirs = prediction.grid, reference.grid
    if ours.is_same(theirs):
        return LabelMap(prediction.array, reference.affine, prediction.source)
    if len(ours.shape) != len(theirs.shape) or ours.affine is None or theirs.affine is None:
        raise GeometryError(_difference(ours, theirs))
    to_prediction = _index_map(theirs, ours)
    turned = _turned(prediction, reference, to_prediction)
    if turned is not None:
        return turned
    if not resample:
        hint = "; --resample (resample=True) takes the nearest voxel of the prediction"
        raise GeometryError(_difference(ours, theirs) + hint)
    _require_one_plane(ours, theirs)
    return LabelMap(_nearest(prediction.array, theirs.shape, to_prediction), reference.affine, prediction.source)


def count_left_out(prediction: LabelMap, reference: LabelMap) -> int:
    """Return how many labelled voxels of the prediction have their centre outside the reference's grid.

    ``align`` with ``resample`` leaves them out; a caller that resamples reports this number. Edges of the
    grid, half a voxel outside the outermost centres, are taken with a tolerance of 1e-6 voxels.

    Parameters
    ----------
    prediction, reference : LabelMap
        Both 3-D or both 2-D, both with an affine; else ``GeometryError``.
    """
    ours, theirs = prediction.grid, reference.grid
    if ours.is_same(theirs):
        return 0
    if len(ours.shape) != len(theirs.shape) or ours.affine is None or theirs.affine is None:
        raise GeometryError(_difference(ours, theirs))
    to_reference = _index_map(ours, theirs)
    lengths = np.array(theirs.shape)[:, None]
    left_out = 0
    for start, part in enumerate(prediction.array):
        index = np.stack([np.full(np.count_nonzero(part), start), *np.nonzero(part)])
        position = to_reference[:, :-1] @ index + to_reference[:, -1:]
        left_out += int((~((position >= -0.5 - _TIE) & (position < lengths - 0.5 + _TIE)).all(axis=0)).sum())
    return left_out


def _difference(ours: Grid, theirs: Grid) -> str:
    text = (
        f"reference and prediction lie on different grids: reference shape {theirs.shape}, affine "
        f"{theirs.describe_affine()}; prediction shape {ours.shape}, affine {ours.describe_affine()}"
    )
    if ours.affine is not None and theirs.affine is not None and ours.shape == theirs.shape:
        text += f"; corners are up to {ours.corner_distance_mm(theirs):.4g} mm apart (allowed: {SAME_GRID_MM:g})"
    return text


def _index_map(source: Grid, target: Grid) -> NDArray[np.float64]:
    """Return the matrix float64[ndim, ndim + 1] from an index of ``source`` to one of ``target``.

    For planes, the position is projected onto the target's plane.
    """
    assert source.affine is not None
    assert target.affine is not None
    mapped = np.linalg.pinv(target.affine[:3, :-1]) @ (
        source.affine[:3] - np.pad(target.affine[:3, -1:], ((0, 0), (source.affine.shape[1] - 1, 0)))
    )
    return np.asarray(mapped, dtype=np.float64)


def _turned(prediction: LabelMap, reference: LabelMap, to_prediction: NDArray[np.float64]) -> LabelMap | None:
    """Return the prediction with its axes permuted and flipped onto the reference, or None where that does not fit."""
    steps = np.rint(to_prediction[:, :-1]).astype(int)
    if not (np.abs(steps).sum(axis=0) == 1).all() or not (np.abs(steps).sum(axis=1) == 1).all():
        return None
    order = [int(np.flatnonzero(steps[:, axis])[0]) for axis in range(steps.shape[1])]
    array, affine = prediction.array.transpose(order), prediction.grid.affine
    assert affine is not None
    affine = affine[:, [*order, len(order)]]
    for axis in range(array.ndim):
        if steps[order[axis], axis] < 0:
            array = np.flip(array, axis)
            affine[:, -1] += affine[:, axis] * (array.shape[axis] - 1)
            affine[:, axis] *= -1
    if not Grid(array.shape, affine).is_same(reference.grid):
        return None
    return LabelMap(array, reference.affine, prediction.source)


def _require_one_plane(ours: Grid, theirs: Grid) -> None:
    """Refuse to resample a plane onto another plane."""
    if len(ours.shape) == 3:
        return
    assert ours.affine is not None
    normal = np.cross(ours.affine[:3, 0], ours.affine[:3, 1])
    off_plane = (theirs.corners_mm() - ours.affine[:3, 2]) @ normal / np.linalg.norm(normal)
    if np.abs(off_plane).max() > SAME_GRID_MM:
        raise GeometryError(
            _difference(ours, theirs) + "; they do not lie in one plane, so that nothing can be resampled"
        )


def _nearest(
    array: NDArray[np.unsignedinteger], shape: tuple[int, ...], to_index: NDArray[np.float64]
) -> NDArray[np.unsignedinteger]:
    out = np.zeros(shape, dtype=array.dtype)
    rows = max(1, _BLOCK * shape[0] // out.size)
    meets = False
    for start in range(0, shape[0], rows):
        block = out[start : start + rows]
        ranges = [np.arange(start, start + block.shape[0]), *(np.arange(length) for length in shape[1:])]
        axes = np.ix_(*ranges)
        inside = np.ones(block.shape, dtype=bool)
        index = []
        for length, row in zip(array.shape, to_index):
            position = sum((factor * axis for factor, axis in zip(row[:-1], axes)), row[-1] + 0.5 + _TIE)
            nearest = np.floor(np.broadcast_to(position, block.shape))
            inside &= (nearest >= 0) & (nearest < length)
            index.append(nearest)
        block[inside] = array[tuple(nearest[inside].astype(np.intp) for nearest in index)]
        meets |= bool(inside.any())
    if not meets:
        raise GeometryError(
            "the prediction's grid does not meet the reference's anywhere, so that resampling would give an empty mask"
        )
    return out
