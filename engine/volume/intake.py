"""The one intake of masks and images: arrays, torch tensors, arrays on a device, LabelMaps and Volumes."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.volume.labels import to_labels
from maskwright.engine.volume.volume import LabelMap, Volume
from maskwright.errors import InputError
from maskwright.kernels.device import HOST, device_of, require_host
from maskwright.kernels.label_array import as_label_array

Labels = NDArray[np.unsignedinteger[Any]]


def take_labels(mask: Any, name: str) -> Labels:
    """Return the labels of a mask in the smallest of uint8, uint16 and uint32 that holds them.

    Parameters
    ----------
    mask : LabelMap, array or torch tensor, shape (y, x) or (z, y, x)
        Any integer, bool or float array with whole values of at least 0. On a device, it must have a dtype that
        kernels take, and is returned as it is.
    name : str
        How an error calls the mask.

    Raises
    ------
    InputError
        Not an array of numbers, not two or three axes, no voxel, masked values, or the name of a file.
    LabelError
        Values that are negative, fractional, NaN or above 2**32 - 1.
    """
    array = _take_array(mask, name, "labels: pass maskwright.read_labels")
    shape = tuple(array.shape)
    if len(shape) not in (2, 3) or 0 in shape:
        raise InputError(f"{name} has shape {shape}; expected (y, x) or (z, y, x), with at least one voxel")
    return to_labels(array) if device_of(array) == HOST else as_label_array(array, name)


def take_host_array(given: Any, name: str) -> NDArray[Any]:
    """Return an array of any dtype in main memory, without copying where possible.

    Parameters
    ----------
    given : Volume, LabelMap, array or torch tensor
    name : str
        How an error calls it.

    Raises
    ------
    InputError
        Not an array of numbers, masked values, on a device, or the name of a file.
    """
    array: NDArray[Any] = _take_array(given, name, "an array: pass maskwright.read")
    require_host(array, name)
    return array


def _take_array(given: Any, name: str, expected: str) -> Any:
    """Return an array in main memory as NumPy has it, and one on a device as it is."""
    if isinstance(given, Volume | LabelMap):
        return given.array
    if isinstance(given, str | bytes | PurePath):
        raise InputError(f"{name} is the name of a file; expected {expected}(...) of it")
    if hasattr(given, "detach"):  # a torch tensor, which may ask for gradients
        given = given.detach()
    if device_of(given) != HOST:
        return given
    if np.ma.is_masked(given):
        raise InputError(f"{name} is an array with masked values; expected plain numbers: call .filled(0) first")
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} is no array of numbers: {error}") from error
