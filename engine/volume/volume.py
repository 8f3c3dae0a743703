"""The two things a file holds: image intensities (Volume) and labels (LabelMap)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.volume.grid import Grid
from maskwright.engine.volume.labels import to_labels
from maskwright.errors import InputError


@dataclass(frozen=True, eq=False)
class Source:
    """The file that a volume came from, so that results can be written in the same form.

    ``header`` is for the format's writer (for NIfTI, nibabel's header). It is never printed: headers
    can name a patient.
    """

    path: Path
    format: str
    header: Any = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Volume:
    """Image intensities on a grid.

    Parameters
    ----------
    array : integer, bool or float array
        (z, y, x) or (y, x); with ``color``, a last axis of 3 behind that.
    affine : float64[4, ndim + 1], optional
        Index in array-axis order to RAS+ mm, see ``Grid``; None where unknown.
    source : Source, optional
        The file it was read from.
    color : bool
        Whether the last axis is red, green, blue.

    Raises
    ------
    InputError
        When the array does not hold numbers, or ``color`` is set and the last axis is not 3.
    GeometryError
        When shape and affine do not make a grid.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64] | None = None
    source: Source | None = None
    color: bool = False

    def __post_init__(self) -> None:
        if self.array.dtype.kind not in "buif":
            raise InputError(f"an image must hold real numbers, got an array of type {self.array.dtype}")
        if self.color and self.array.shape[-1:] != (3,):
            raise InputError(f"a colour image must end in an axis of 3, got shape {self.array.shape}")
        object.__setattr__(self, "affine", self.grid.affine)

    @property
    def grid(self) -> Grid:
        """The grid of the voxels, without the colour axis."""
        return Grid(self.array.shape[:-1] if self.color else self.array.shape, self.affine)

    @property
    def spacing_mm(self) -> tuple[float, ...] | None:
        """See ``Grid.spacing_mm``."""
        return self.grid.spacing_mm


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels on a grid; 0 is background.

    Parameters
    ----------
    array : integer, bool or float array
        (z, y, x) or (y, x), every value whole and at least 0; kept as the smallest of uint8, uint16 and uint32 that
        holds it (see ``to_labels``), without a copy where it is of that type already.
    affine : float64[4, ndim + 1], optional
        Index in array-axis order to RAS+ mm, see ``Grid``; None where unknown.
    source : Source, optional
        The file it was read from, or the image it was drawn on.

    Raises
    ------
    LabelError
        When a value is negative, fractional, NaN, infinite or above 2**32 - 1.
    GeometryError
        When shape and affine do not make a grid.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64] | None = None
    source: Source | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "affine", self.grid.affine)
        object.__setattr__(self, "array", to_labels(self.array))

    @property
    def grid(self) -> Grid:
        """The grid of the voxels."""
        return Grid(self.array.shape, self.affine)

    @property
    def spacing_mm(self) -> tuple[float, ...] | None:
        """See ``Grid.spacing_mm``."""
        return self.grid.spacing_mm
