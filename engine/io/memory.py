"""Arrays whose memory is reserved before they are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import FileFormatError
from maskwright.machine import usable_memory_bytes

_LARGEST_PADDED = 1 << 24  # voxels of a part that may be larger than its array
_RESERVE: ContextVar[Callable[[int], None] | None] = ContextVar("reserve", default=None)


@contextmanager
def reserve_with(reserve: Callable[[int], None]) -> Iterator[None]:
    """Let the readers of this thread call ``reserve`` with a number of bytes before they take them.

    The calls add up to the peak of a reader: the array that it returns and the copies that it makes meanwhile.
    ``reserve`` may raise, which ends the reading.
    """
    token = _RESERVE.set(reserve)
    try:
        yield
    finally:
        _RESERVE.reset(token)


def reserve_memory(path: Path, size_bytes: int) -> None:
    """Reserve so many bytes; refuse more than this process may use.

    Raises
    ------
    FileFormatError
        Less memory may be used. Whatever the function given to ``reserve_with`` raises goes through.
    """
    reserve = _RESERVE.get()
    if reserve is not None:
        reserve(size_bytes)
    memory = usable_memory_bytes()
    if size_bytes > memory:
        need, have = size_bytes / 2**30, memory / 2**30
        raise FileFormatError(f"{path}: needs {need:.1f} GiB of memory, {have:.1f} may be used: crop or split it")


def require_part_fits(path: Path, part: Sequence[int], whole: Sequence[int]) -> None:
    """Refuse tiles and chunks that are far larger than their array: each is unpacked whole.

    A part may reach beyond the array, and is of a usual size then.
    """
    if math.prod(part) > max(_LARGEST_PADDED, 4 * math.prod(whole)):
        raise FileFormatError(f"{path}: stored in parts of {tuple(part)}, far larger than its array of {tuple(whole)}")


def new_array(path: Path, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array without values whose memory is reserved."""
    reserve_memory(path, math.prod(shape) * dtype.itemsize)
    return np.empty(tuple(shape), dtype)
