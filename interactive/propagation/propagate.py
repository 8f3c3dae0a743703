"""From a few given slices to the rest: masks carried along the optical flow of the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.fill import fill
from maskwright.interactive.propagation.request import make_request
from maskwright.interactive.propagation.result import Propagation


def propagate(
    image: NDArray[Any],
    sparse_mask: NDArray[Any],
    spacing_mm: Sequence[float],
    axis: int = 0,
    given: Sequence[int] | None = None,
    start: int | None = None,
    stop: int | None = None,
) -> Propagation:
    """Fill the slices between and beyond given ones.

    Each slice takes the shapes of the nearest given slice on either side, as signed distances carried along the optical
    flow of the image from slice to slice. A side that resembles the slice, when carried along, counts more; so does
    the nearer one. The outline is then moved to where the local appearances of inside and outside, learned from the
    given slices, meet. Beyond the outermost given slice there is one side, and a shape vanishes where nothing in the
    image resembles it.
    Two given shapes with too little in common are not blended: each shrinks towards its end (``fallback``), as does a
    label that one of the two slices does not hold. A given slice is never changed. The same input gives the same
    result on any number of threads.

    Parameters
    ----------
    image : any real dtype, shape (z, y, x)
        Any strides, finite.
    sparse_mask : bool, uint8, uint16 or uint32, shape (z, y, x)
        The labels of the given slices, 0 elsewhere. Labels do not overlap in the result: each pixel takes the label it
        lies deepest in, the smaller one on a tie.
    spacing_mm : three positive numbers
        Voxel size in mm, in (z, y, x).
    axis : 0, 1 or 2
        The axis along which slices follow each other.
    given : numbers of slices, or None
        The slices that are given, among them those which hold nothing. ``None``: those that hold a label.
    start, stop : int or None
        The half-open range of slices to be filled; all others stay as they are in ``sparse_mask``. ``None`` is the
        end of the volume.

    Returns
    -------
    Propagation

    Raises
    ------
    LabelError, InputError
        Another dtype or number of axes, an image with NaN.
    GeometryError
        Shapes that differ, spacing that is not three positive numbers, a range that is empty or outside.
    PromptError
        No given slice; a number in ``given`` outside the volume; a slice with labels that ``given`` leaves out.

    Examples
    --------
    >>> image = np.zeros((5, 40, 40), np.float32)
    >>> image[:, 10:30, 12:28] = 1
    >>> sparse_mask = np.zeros(image.shape, np.uint8)
    >>> sparse_mask[[0, 4], 10:30, 12:28] = 7
    >>> filled = propagate(image, sparse_mask, spacing_mm=(3.0, 1.0, 1.0))
    >>> bool(((filled.mask == 7) == (image == 1)).all()), filled.fallback
    (True, ())
    """
    request = make_request(image, sparse_mask, spacing_mm, axis, given, start, stop)
    filled = fill(request)
    mask = np.ascontiguousarray(np.moveaxis(filled.mask, 0, axis))
    if np.asarray(sparse_mask).dtype == np.bool_:
        mask = mask.view(np.bool_)
    return Propagation(mask, filled.confidence, filled.fallback)
