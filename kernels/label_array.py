"""What a kernel accepts: NumPy label arrays of two or three axes, checked in one place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.errors import GeometryError, InputError, LabelError

LabelArray = NDArray[Any]

SMALLEST_SPACING_MM, LARGEST_SPACING_MM = 1e-12, 1e12

_DTYPES = (np.uint8, np.uint16, np.uint32)


def as_label_array(array: ArrayLike, name: str = "labels") -> LabelArray:
    """Return ``array`` as uint8, uint16 or uint32 without copying; bool is viewed as uint8.

    Parameters
    ----------
    array : array of bool, uint8, uint16 or uint32, shape (y, x) or (z, y, x), any strides
    name : str
        How an error calls the array.

    Raises
    ------
    LabelError
        Another dtype: kernels never convert; ``maskwright.read_labels`` and ``maskwright.compare`` do.
    InputError
        Not two or three axes, or an array on a CUDA device.
    """
    if hasattr(array, "__cuda_array_interface__"):
        raise InputError(f"{name} is on a CUDA device; expected an array in main memory: call .cpu() first")
    result = np.asarray(array)
    if result.ndim not in (2, 3):
        raise InputError(f"{name} has {result.ndim} axes; expected (y, x) or (z, y, x)")
    if result.dtype == np.bool_:
        return result.view(np.uint8)
    if result.dtype not in _DTYPES:
        raise LabelError(f"{name} is {result.dtype}; expected bool, uint8, uint16 or uint32")
    return result


def as_label_pair(reference: ArrayLike, prediction: ArrayLike) -> tuple[LabelArray, LabelArray]:
    """Return both arrays checked by ``as_label_array``; their shapes must be equal."""
    first, second = as_label_array(reference, "reference"), as_label_array(prediction, "prediction")
    if first.shape != second.shape:
        raise GeometryError(f"reference has shape {first.shape} and prediction {second.shape}; expected equal shapes")
    return first, second


def check_spacing(spacing_mm: ArrayLike, ndim: int) -> tuple[float, ...]:
    """Return the spacing as floats, one number for each axis in array order.

    Each lies between ``SMALLEST_SPACING_MM`` and ``LARGEST_SPACING_MM``: far beyond every voxel there is, and within
    the numbers whose squares, products and ratios a float64 holds.
    """
    try:
        spacing = tuple(float(value) for value in np.atleast_1d(np.asarray(spacing_mm, dtype=np.float64)))
    except (TypeError, ValueError) as error:
        raise GeometryError(f"spacing_mm is {spacing_mm!r}; expected {ndim} numbers, one for each axis") from error
    if len(spacing) != ndim or not all(SMALLEST_SPACING_MM <= value <= LARGEST_SPACING_MM for value in spacing):
        raise GeometryError(
            f"spacing_mm is {spacing}; expected {ndim} finite positive numbers, one for each axis, from "
            f"{SMALLEST_SPACING_MM:g} to {LARGEST_SPACING_MM:g}"
        )
    return spacing


def as_volume(array: LabelArray) -> LabelArray:
    """Return a C-contiguous (z, y, x) array: a 2-D image becomes one plane; other strides are copied."""
    volume = array[None] if array.ndim == 2 else array
    return np.ascontiguousarray(volume)
