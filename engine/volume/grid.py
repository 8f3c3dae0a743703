"""Where the voxels of an array lie in the world.

The world is always three-dimensional, RAS+ and in mm, also for a plane: the affine of a (z, y, x) array is 4x4, that
of a (y, x) array is 4x3 (its columns: y, x, origin), so that a slice keeps its place in the patient.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.errors import GeometryError
from maskwright.kernels.label_array import check_spacing

SAME_GRID_MM = 1e-3
"""Two grids are the same when no corner of one is farther than this from the same corner of the other."""

SHEAR_COSINE = 1e-3
"""Axes whose cosine is larger are not orthogonal; below, a distance is off by less than 0.05 %."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The shape of an array and its place in the world.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x) or (y, x), every length at least 1.
    affine : float64[4, ndim + 1], optional
        Maps (z, y, x, 1) or (y, x, 1), the index of a voxel, to the world position of its centre (RAS+ mm). None where
        the file says nothing, such as a PNG without resolution.

    Raises
    ------
    GeometryError
        When the shape is not 2-D or 3-D, or the affine is of another shape, not finite, or singular.
    """

    shape: tuple[int, ...]
    affine: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        shape = tuple(int(length) for length in self.shape)
        if len(shape) not in (2, 3) or min(shape) < 1:
            raise GeometryError(f"a volume is (z, y, x) or (y, x) with no axis of length 0, got shape {shape}")
        object.__setattr__(self, "shape", shape)
        if self.affine is not None:
            object.__setattr__(self, "affine", _checked_affine(self.affine, len(shape)))

    @classmethod
    def from_spacing(cls, shape: Sequence[int], spacing_mm: Sequence[float]) -> Grid:
        """Return the grid with this spacing, its axes along the world's and voxel 0 at the world's origin.

        Parameters
        ----------
        shape, spacing_mm : sequence
            In array-axis order, of equal length; spacings as ``kernels.label_array.check_spacing`` takes them.

        Examples
        --------
        >>> Grid.from_spacing((4, 5, 6), (3.0, 0.5, 0.5)).spacing_mm
        (3.0, 0.5, 0.5)
        """
        ndim = len(shape)
        affine = np.zeros((4, ndim + 1))
        for axis, step in enumerate(check_spacing(spacing_mm, ndim)):
            affine[ndim - 1 - axis, axis] = step
        affine[3, ndim] = 1
        return cls(tuple(shape), affine)

    @property
    def spacing_mm(self) -> tuple[float, ...] | None:
        """Distance between neighbouring voxels along each array axis; None where the affine is unknown.

        Raises
        ------
        GeometryError
            When the axes are not orthogonal (a cosine above ``SHEAR_COSINE``): no spacing describes such a grid, and
            distances measured with one would be wrong.
        """
        if self.affine is None:
            return None
        axes = self.affine[:3, :-1]
        lengths = np.linalg.norm(axes, axis=0)
        cosines = (axes / lengths).T @ (axes / lengths) - np.eye(len(lengths))
        if np.abs(cosines).max() > SHEAR_COSINE:
            raise GeometryError(
                f"the axes are sheared, so that no spacing gives true distances: affine {self.describe_affine()}; "
                "resample the image onto an orthogonal grid first"
            )
        # Rotations leave the last digits of a length to rounding; rounding to 12 digits makes 0.8 of them again.
        return tuple(float(f"{length:.12g}") for length in lengths)

    def require_spacing(self) -> tuple[float, ...]:
        """Return ``spacing_mm``; raise a GeometryError where it is unknown."""
        spacing = self.spacing_mm
        if spacing is None:
            raise GeometryError("the spacing is not known, and distances need it: give it with --spacing-mm")
        return spacing

    def corners_mm(self) -> NDArray[np.float64]:
        """World positions of the 2**ndim outer corners, float64[2**ndim, 3], half a voxel outside the centres."""
        if self.affine is None:
            raise GeometryError("a grid without affine has no place in the world")
        ends = [(-0.5, length - 0.5) for length in self.shape]
        index = np.array([(*corner, 1.0) for corner in itertools.product(*ends)])
        return index @ self.affine[:3].T

    def corner_distance_mm(self, other: Grid) -> float:
        """Return the largest distance between equal corners of two grids that have an affine and equal dimension."""
        return float(np.linalg.norm(self.corners_mm() - other.corners_mm(), axis=1).max())

    def is_same(self, other: Grid) -> bool:
        """Tell whether both have equal shape and every corner within ``SAME_GRID_MM``.

        Two grids without affine are the same when their shapes are equal; one with and one without never are.
        """
        if self.shape != other.shape or (self.affine is None) != (other.affine is None):
            return False
        return self.affine is None or self.corner_distance_mm(other) <= SAME_GRID_MM

    def describe_affine(self) -> str:
        """Return the affine on one line, the rows of world x, y, z; the columns are in array-axis order, then origin.

        Examples
        --------
        >>> Grid.from_spacing((5, 6), (0.5, 0.25)).describe_affine()
        '[[0 0.25 0] [0.5 0 0] [0 0 0]]'
        """
        if self.affine is None:
            return "unknown"
        rows = (" ".join(f"{value + 0.0:.6g}" for value in row) for row in self.affine[:3])
        return "[" + " ".join(f"[{row}]" for row in rows) + "]"


def _checked_affine(affine: ArrayLike, ndim: int) -> NDArray[np.float64]:
    matrix = np.array(affine, dtype=np.float64)
    if matrix.shape != (4, ndim + 1):
        raise GeometryError(f"the affine of a {ndim}-D array must be 4x{ndim + 1}, got shape {matrix.shape}")
    last_row = np.eye(ndim + 1)[-1]
    if not np.isfinite(matrix).all() or not np.array_equal(matrix[3], last_row):
        raise GeometryError("the affine must hold finite numbers and end in the row 0 ... 0 1")
    axes = matrix[:3, :-1]
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(axes, axis=0)
    if (axes != 0).any(axis=0).all():
        check_spacing(lengths, ndim)
    # The smallest singular value of the unit axes is 0 where two of them are parallel.
    if not (lengths > 0).all() or np.linalg.svd(axes / lengths, compute_uv=False).min() < 1e-6:
        raise GeometryError("the affine is singular: every axis must have a length and a direction of its own")
    matrix.flags.writeable = False
    return matrix
