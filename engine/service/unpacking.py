"""Files read with the memory that their arrays take noted before it is allocated."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from maskwright.engine.io import at_most
from maskwright.engine.service.limits import Limits
from maskwright.engine.service.visit import visit_now
from maskwright.engine.volume import LabelMap, Volume
from maskwright.kernels.errors import FileFormatError, LimitError

R = TypeVar("R", Volume, LabelMap)
_REFUSED = r"unpacks to ([0-9]+) bytes; at most {room} are taken"
"""How ``engine.io.at_most`` says, before anything is allocated, that a file needs more."""


def read_counted(path: Path, read: Callable[[Path], R], limits: Limits) -> R:
    """Return what a reader makes of a file or folder; what it takes stays noted for the request that is answered.

    As much as the file is large is set aside, and the reader may take no more. Where it refuses, since the file is
    packed, what it needs is set aside and the file read again. A reader refuses as soon as it has seen the header.

    Raises
    ------
    CapacityError
        There is no room for it.
    FileFormatError, LimitError
        It unpacks to too much, or an axis is too long; and what the reader raises.
    """
    room = min(_size_of(path), limits.unpacked_bytes)
    while True:
        try:
            return _read_within(room, path, read, limits)
        except FileFormatError as error:
            refused = re.search(_REFUSED.format(room=room), str(error))
            if refused is None:
                raise
            need = int(refused[1])
            if need > limits.unpacked_bytes:
                said = str(error).replace(f"at most {room} are", f"at most {limits.unpacked_bytes} are")
                raise FileFormatError(said) from None
        room = need


def _read_within(room: int, path: Path, read: Callable[[Path], R], limits: Limits) -> R:
    visit, left = visit_now(), room
    if visit is not None:
        visit.take(room)
    try:
        with at_most(room):
            found = read(path)
        require_short_axes(found.array.shape, limits)
        left = max(0, room - found.array.nbytes)
        return found
    finally:
        if visit is not None:
            visit.give_back(left)


def require_short_axes(shape: tuple[int, ...], limits: Limits) -> None:
    """Refuse an array with an axis that is too long."""
    if max(shape, default=0) > limits.axis_voxels:
        raise LimitError(f"the array has shape {shape}; at most {limits.axis_voxels} voxels an axis are taken: crop it")


def _size_of(path: Path) -> int:
    """Return the bytes of a file, or of the files in a folder: what they need if they are not packed."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return path.stat().st_size
