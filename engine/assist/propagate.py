"""``propagate``: masks carried from given slices to the rest, for arrays and volumes of any label type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.engine.volume import LabelMap, Volume, to_labels
from maskwright.engine.volume.intake import take_host_array
from maskwright.errors import GeometryError, InputError
from maskwright.interactive.propagation.propagate import propagate as propagate_labels
from maskwright.interactive.propagation.result import Propagation


def propagate(
    image: Volume | ArrayLike,
    sparse_mask: LabelMap | ArrayLike,
    spacing_mm: Sequence[float] | None = None,
    axis: int = 0,
    *,
    given: Sequence[int] | None = None,
    start: int | None = None,
    stop: int | None = None,
) -> Propagation:
    """Fill the slices between and beyond given ones.

    Parameters
    ----------
    image : Volume or array, (z, y, x)
        Any real dtype, finite, without colour.
    sparse_mask : LabelMap or array, (z, y, x)
        The labels of the given slices, 0 elsewhere: bool, integer or float with whole values of at least 0.
    spacing_mm : three positive numbers
        In (z, y, x). Needed for bare arrays, and for volumes whose file says nothing; never assumed.
    axis : 0, 1 or 2
        The axis along which slices follow each other.
    given : numbers of slices, optional
        The given slices, among them those which hold nothing; by default those that hold a label.
    start, stop : int, optional
        The half-open range of slices to be filled; all others stay as they are.

    Returns
    -------
    Propagation
        ``mask`` with the shape and dtype of the sparse mask; ``confidence``, float32, one value a slice along the
        axis, 1 on given slices and 0 outside ``start`` and ``stop``; ``fallback``, the slices between given ones that
        have too little in common. See ``maskwright.interactive.propagation.propagate`` for the method.

    Raises
    ------
    GeometryError
        Shapes, grids, spacing or the range do not fit together, or the spacing is missing.
    LabelError, InputError
        Labels are negative, fractional or NaN; the image is in colour, holds NaN, or has other than three axes.
    PromptError
        No slice is given; a number in ``given`` is outside; a slice with labels is left out of it.

    Examples
    --------
    >>> image = np.zeros((5, 40, 40), np.float32)
    >>> image[:, 10:30, 12:28] = 1
    >>> sparse_mask = np.zeros(image.shape, np.int64)
    >>> sparse_mask[[0, 4], 10:30, 12:28] = 7
    >>> filled = propagate(image, sparse_mask, spacing_mm=(3.0, 1.0, 1.0))
    >>> int((filled.mask == 7).sum()), filled.mask.dtype, filled.confidence.shape
    (1600, dtype('int64'), (5,))
    """
    spacing = _spacing(image, sparse_mask, spacing_mm)
    pixels, labels = _pixels(image), take_host_array(sparse_mask, "the mask")
    if labels.ndim != 3:
        raise InputError(f"the mask has shape {labels.shape}; expected (z, y, x): a single plane has no other slices")
    kind = labels.dtype
    whole = labels if kind == np.bool_ else to_labels(labels)
    filled = propagate_labels(pixels, whole, spacing, axis, given, start, stop)
    if filled.mask.dtype == kind:
        return filled
    return Propagation(filled.mask.astype(kind), filled.confidence, filled.fallback)


def _spacing(image: Any, sparse_mask: Any, spacing_mm: Sequence[float] | None) -> Sequence[float]:
    own = image.spacing_mm if isinstance(image, Volume) else None
    if isinstance(image, Volume) and isinstance(sparse_mask, LabelMap) and not image.grid.is_same(sparse_mask.grid):
        raise GeometryError(
            f"image and mask lie on different grids: image shape {image.grid.shape}, affine "
            f"{image.grid.describe_affine()}; mask shape {sparse_mask.grid.shape}, affine "
            f"{sparse_mask.grid.describe_affine()}"
        )
    if own is not None and spacing_mm is not None:
        raise GeometryError(f"spacing_mm was given, and the image has its own, {own}; leave it out")
    spacing = own if spacing_mm is None else spacing_mm
    if spacing is None:
        raise GeometryError("the spacing is not known; give spacing_mm, one number in mm an axis, in (z, y, x)")
    return spacing


def _pixels(image: Any) -> NDArray[Any]:
    if isinstance(image, Volume) and image.color:
        raise InputError(f"the image is in colour, shape {image.array.shape}; expected one value a voxel, (z, y, x)")
    return take_host_array(image, "the image")
