"""The voxels of a file as one array, read from plain or compressed bytes without trusting the header."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.memory import new_array
from maskwright.errors import FileFormatError

LARGEST_RATIO = {"raw": 1, "gzip": 1032, "tiff": 4096, "bzip2": 100_000}
"""Bytes that one byte of a file can grow to: deflate gives at most 1032; the others' limits are generous."""

_CHUNK = 1 << 20
_LONGEST_REST = 1 << 24  # bytes behind the voxels that do no harm


def is_gzip(file: BinaryIO) -> bool:
    """Tell whether the bytes from here on start like a gzip member; the position stays."""
    start = file.tell()
    magic = file.read(2)
    file.seek(start)
    return magic == b"\x1f\x8b"


def unpacked(file: BinaryIO, encoding: str) -> BinaryIO:
    """Return a stream of the decompressed bytes from the file's position on; encoding is a key of LARGEST_RATIO."""
    if encoding == "gzip":
        from isal import igzip

        return igzip.IGzipFile(fileobj=file, mode="rb")  # type: ignore[no-any-return]
    if encoding == "bzip2":
        import bz2

        return bz2.BZ2File(file)  # type: ignore[return-value]
    return file


def read_voxels(
    path: Path, stream: BinaryIO, shape: Sequence[int], dtype: np.dtype[np.generic], encoding: str
) -> NDArray[np.generic]:
    """Read a C-contiguous array from the stream, in the machine's byte order, and the rest of a compressed stream.

    The rest is read because a compressed stream carries its checksum at the end.

    Raises
    ------
    FileFormatError
        The header promises more voxels than the file or the memory can hold (nothing is allocated), or the stream
        ends early, or goes on for far longer than the header says.
    """
    expected = math.prod(shape) * dtype.itemsize
    require_possible(path, expected, encoding)
    array = new_array(path, shape, dtype)
    count = _fill(stream, array.data.cast("B"), expected if encoding == "raw" else _CHUNK)
    if count < expected:
        raise FileFormatError(f"{path}: the file ends early: expected {expected} bytes of voxels, got {count}")
    if encoding != "raw":
        _read_rest(path, stream, expected)
    if not array.dtype.isnative:
        array = array.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return array


def require_possible(path: Path, expected: int, encoding: str) -> None:
    """Refuse a header that promises more bytes than the file can hold."""
    if expected > path.stat().st_size * LARGEST_RATIO[encoding]:
        raise FileFormatError(f"{path}: the header promises {expected} bytes of voxels, more than the file can hold")


def _read_rest(path: Path, stream: BinaryIO, expected: int) -> None:
    """Read on to the checksum; a stream that unpacks to much more than it should would take for ever."""
    left = max(expected, _LONGEST_REST)
    while part := stream.read(_CHUNK):
        left -= len(part)
        if left < 0:
            raise FileFormatError(f"{path}: unpacks to more than twice what its header says; it is damaged")


def _fill(stream: BinaryIO, buffer: memoryview, part: int) -> int:
    """Fill the buffer part by part: a decompressor holds each part a second time."""
    position = 0
    while position < len(buffer):
        count = stream.readinto(buffer[position : position + part])  # type: ignore[attr-defined]
        if not count:
            break
        position += count
    return position
