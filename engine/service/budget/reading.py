"""Files read within the budget: the bytes of their arrays are reserved before they are allocated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from maskwright.engine.io import reserve_with
from maskwright.engine.service.budget.limits import Limits
from maskwright.engine.service.budget.request_context import current_limits, current_request
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import LimitError

R = TypeVar("R", Volume, LabelMap)


def read_within_budget(path: Path, read: Callable[[Path], R]) -> R:
    """Return the volume or labels of a file or folder; their bytes stay reserved for the current request.

    Raises
    ------
    CapacityError
        There is no room for it.
    LimitError
        It unpacks to too much, or an axis is too long.
    FileFormatError, InputError
        See the reader.
    """
    request, limits, total, lasting = current_request(), current_limits(), 0, 0

    def reserve(size_bytes: int) -> None:
        nonlocal total
        if size_bytes > limits.unpacked_bytes:
            most = limits.unpacked_bytes
            raise LimitError(f"the file unpacks to {size_bytes} bytes; at most {most} are taken: crop or split it")
        if request is not None:
            request.reserve(size_bytes)
            total += size_bytes

    try:
        with reserve_with(reserve):
            result = read(path)
        require_short_axes(result.array.shape, limits)
        reserve(max(0, result.array.nbytes - total))  # bytes that its reader did not reserve
        lasting = result.array.nbytes
        return result
    finally:
        if request is not None:
            request.release(total - lasting)


def require_short_axes(shape: tuple[int, ...], limits: Limits) -> None:
    """Refuse an array with an axis that is too long."""
    if max(shape, default=0) > limits.axis_voxels:
        raise LimitError(f"the array has shape {shape}; at most {limits.axis_voxels} voxels an axis are taken: crop it")
