"""Files read with the memory that their arrays take noted before it is allocated."""

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
    """Return what a reader makes of a file or folder; what it takes stays noted for the request that is answered.

    Raises
    ------
    CapacityError
        There is no room for it.
    LimitError
        It unpacks to too much, or an axis is too long.
    FileFormatError, InputError
        What the reader raises.
    """
    request, limits, taken, kept = current_request(), current_limits(), 0, 0

    def ask(size_bytes: int) -> None:
        nonlocal taken
        if size_bytes > limits.unpacked_bytes:
            most = limits.unpacked_bytes
            raise LimitError(f"the file unpacks to {size_bytes} bytes; at most {most} are taken: crop or split it")
        if request is not None:
            request.reserve(size_bytes)
            taken += size_bytes

    try:
        with reserve_with(ask):
            found = read(path)
        require_short_axes(found.array.shape, limits)
        ask(max(0, found.array.nbytes - taken))  # what its reader did not ask for
        kept = found.array.nbytes
        return found
    finally:
        if request is not None:
            request.release(taken - kept)


def require_short_axes(shape: tuple[int, ...], limits: Limits) -> None:
    """Refuse an array with an axis that is too long."""
    if max(shape, default=0) > limits.axis_voxels:
        raise LimitError(f"the array has shape {shape}; at most {limits.axis_voxels} voxels an axis are taken: crop it")
