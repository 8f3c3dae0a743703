"""Labels as whole numbers, from an array of any type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import LabelError

LARGEST_LABEL = 2**32 - 1
_UNSIGNED: tuple[type[np.unsignedinteger[Any]], ...] = (np.uint8, np.uint16, np.uint32)
_BLOCK = 1 << 18  # voxels looked at in one go: 2 MB of float64, which stays in the cache


def to_labels(array: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
    """Return the labels of an array in the smallest of uint8, uint16 and uint32 that holds them all, losslessly.

    Parameters
    ----------
    array : integer, bool or float array, any shape and strides
        Every value whole, at least 0 and at most 2**32 - 1. -0.0 is 0.

    Returns
    -------
    uint8, uint16 or uint32 array
        The input itself where it is of that type already; a view where it is bool.

    Raises
    ------
    LabelError
        A value is negative, fractional, NaN, infinite or above 2**32 - 1 (the message names the first one and its
        index), or the array does not hold numbers.
    """
    if array.dtype.kind not in "buif":
        raise LabelError(f"labels must be whole numbers, got an array of type {array.dtype}")
    if array.dtype.kind == "b":
        bytes_ = array.view(np.uint8)
        # Some libraries (Pillow) hand out bools whose bytes are 255; NumPy takes any byte but 0 as true.
        return bytes_ if array.size == 0 or bytes_.max() <= 1 else (bytes_ != 0).view(np.uint8)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype == np.uint8 or array.size == 0:
        return array.astype(np.uint8, copy=False)
    largest = _largest_whole(array) if array.dtype.kind == "f" else _largest_integer(array)
    smallest_type = next(kind for kind in _UNSIGNED if largest <= np.iinfo(kind).max)
    return array.astype(smallest_type, copy=False)


def _largest_integer(array: NDArray[Any]) -> int:
    # Read as unsigned, a negative number is larger than every positive one, so that one pass finds both.
    unsigned = array.view(np.dtype(f"u{array.dtype.itemsize}"))
    largest = int(unsigned.max())
    if largest > min(LARGEST_LABEL, np.iinfo(array.dtype).max):
        _refuse(array)
    return largest


def _largest_whole(array: NDArray[Any]) -> int:
    largest = 0.0
    for block in _blocks(array):
        low, high = block.min(), block.max()
        # Written so that NaN, which compares false with everything, is refused too.
        # As a float, 2**32 is exact in every type that reaches it; 2**32 - 1 is not in float32.
        if not (low >= 0 and float(high) < LARGEST_LABEL + 1.0) or not np.array_equal(np.trunc(block), block):
            _refuse(array)
        largest = max(largest, float(high))
    return int(largest)


def _blocks(array: NDArray[Any]) -> list[NDArray[Any]]:
    if array.ndim == 0:
        return [array]
    slices = max(1, _BLOCK * array.shape[0] // array.size)
    return [array[start : start + slices] for start in range(0, array.shape[0], slices)]


def _refuse(array: NDArray[Any]) -> None:
    """Raise the error that names the first bad value, slice by slice, so that little memory is needed."""
    for start, block in enumerate(np.atleast_1d(array)):
        with np.errstate(invalid="ignore", over="ignore"):
            whole = (block >= 0) & (block < LARGEST_LABEL + 1) & (np.trunc(block) == block)
        if not whole.all():
            index = (start, *(int(step) for step in np.unravel_index(np.argmin(whole), whole.shape)))
            raise LabelError(
                f"labels must be whole numbers from 0 to {LARGEST_LABEL}, got {np.asarray(block)[index[1:]].item()} "
                f"at index {index}; give a label map, not an image or a probability map"
            )
