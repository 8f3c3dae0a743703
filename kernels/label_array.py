"""Checks of label arrays and spacings: one place for every kernel, without copies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.errors import GeometryError, InputError, LabelError
from maskwright.kernels.device import HOST, device_of

LabelArray = NDArray[Any]

SMALLEST_SPACING_MM, LARGEST_SPACING_MM = 1e-12, 1e12

_DTYPES = (np.uint8, np.uint16, np.uint32)


def as_label_array(array: ArrayLike, name: str = "labels") -> LabelArray:
    """Return ``array`` as uint8, uint16 or uint32 without copying; bool is viewed as uint8.

    Parameters
    ----------
    array : array of bool, uint8, uint16 or uint32, shape (y, x) or (z, y, x), any strides
        An array on a device is checked and returned as it is, bool or not.
    name : str
        How an error calls the array.

    Raises
    ------
    LabelError
        Another dtype: kernels never convert; ``maskwright.read_labels`` and ``maskwright.compare`` do.
    InputError
        Not two or three axes.
    """
    result, shape, dtype = as_any_array(array)
    if len(shape) not in (2, 3):
        raise InputError(f"{name} has {len(shape)} axes; expected (y, x) or (z, y, x)")
    if dtype != np.bool_ and dtype not in _DTYPES:
        raise LabelError(f"{name} is {dtype}; expected bool, uint8, uint16 or uint32")
    return result.view(np.uint8) if dtype == np.bool_ and isinstance(result, np.ndarray) else result


def as_mask(array: ArrayLike, name: str = "mask") -> LabelArray:
    """Return a bool array checked by ``as_label_array``, viewed as uint8; another dtype is a ``LabelError``."""
    dtype = as_any_array(array)[2]
    checked = as_label_array(array, name)
    if dtype != np.bool_:
        raise LabelError(f"{name} is {dtype}; expected bool: pass {name} > 0 or labels == label")
    return checked


def as_any_array(array: ArrayLike) -> tuple[NDArray[Any], tuple[int, ...], np.dtype[Any]]:
    """Return an array without copying it, its shape and its dtype; one on a device stays what it is."""
    if device_of(array) == HOST:
        result = np.asarray(array)
        return result, result.shape, result.dtype
    on_device: Any = array
    layout = on_device.__cuda_array_interface__
    return on_device, tuple(layout["shape"]), np.dtype(layout["typestr"])


def as_label_pair(reference: ArrayLike, prediction: ArrayLike) -> tuple[LabelArray, LabelArray]:
    """Return both arrays checked by ``as_label_array``; their shapes must be equal."""
    reference, prediction = as_label_array(reference, "reference"), as_label_array(prediction, "prediction")
    if tuple(reference.shape) != tuple(prediction.shape):
        raise GeometryError(
            f"reference has shape {tuple(reference.shape)} and prediction {tuple(prediction.shape)}; "
            "expected equal shapes"
        )
    return reference, prediction


def widen_pair(reference: LabelArray, prediction: LabelArray) -> tuple[LabelArray, LabelArray]:
    """Return both arrays in the wider of their types, so that kernels compile for three types and not for nine."""
    dtype = np.promote_types(reference.dtype, prediction.dtype)
    return reference.astype(dtype, copy=False), prediction.astype(dtype, copy=False)


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
