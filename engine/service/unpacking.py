"""Files read with the memory that their arrays take noted before it is allocated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from maskwright.engine.io import at_most
from maskwright.engine.service.limits import Limits
from maskwright.engine.service.visit import visit_now
from maskwright.engine.volume import LabelMap, Volume
from maskwright.kernels.errors import FileFormatError, LimitError

R = TypeVar("R", Volume, LabelMap)
STEP = 8
"""How many times as much is set aside where a file needs more than was."""


def read_counted(path: Path, read: Callable[[Path], R], limits: Limits) -> R:
    """Return what a reader makes of a file or folder; what it takes stays noted for the request that is answered.

    A reader refuses a file that needs more than it may take before it allocates anything. So it is let take what the
    file seems to need, and if it refuses, more, up to the limit; each time that much is set aside first.

    Raises
    ------
    CapacityError
        There is no room for it.
    LimitError
        An axis is too long.
    """
    visit = visit_now()
    for room in _rooms(_seems_to_need(path), limits.unpacked_bytes):
        if visit is not None:
            visit.take(room)
        left = room
        try:
            with at_most(room):
                found = read(path)
            left = max(0, room - found.array.nbytes)
        except FileFormatError:
            if room == limits.unpacked_bytes:
                raise
            continue
        finally:
            if visit is not None:
                visit.give_back(left)
        require_short_axes(found.array.shape, limits)
        return found
    raise AssertionError("the last room is the limit")


def require_short_axes(shape: tuple[int, ...], limits: Limits) -> None:
    """Refuse an array with an axis that is too long."""
    if max(shape, default=0) > limits.axis_voxels:
        raise LimitError(f"the array has shape {shape}; at most {limits.axis_voxels} voxels an axis are taken: crop it")


def _rooms(first: int, limit: int) -> Iterator[int]:
    room = max(1, first)
    while room < limit:
        yield room
        room *= STEP
    yield limit


def _seems_to_need(path: Path) -> int:
    """Return the size of a file, or of what its gzip trailer says it unpacks to; of a folder, that of its files."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size < 4 or file.read(2) != b"\x1f\x8b":
            return size
        file.seek(-4, os.SEEK_END)
        return max(size, int.from_bytes(file.read(4), "little"))
