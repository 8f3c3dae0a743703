"""Arrays on the wire of nnInteractive, packed by blosc2.

Layout, all little-endian::

    "NNIA" | u8 version = 1 | u8 codec (1 zstd, 2 lz4) | u8 ndim | u8 length of the dtype's name
    dtype's name (ASCII) | i64 shape[ndim] | u32 chunks
    then per chunk: u64 raw bytes | u64 packed bytes | blosc2 bytes

An array that comes from outside is never trusted: its unpacked size is checked before anything is allocated.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import InputError, LimitError

MAGIC, VERSION = b"NNIA", 1
CODECS = (1, 2)
DTYPES = frozenset(
    ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"]
)
MOST_AXES = 4
CHUNK_BYTES = 1 << 30
"""blosc2 packs less than 2 GiB at once."""
LEVEL = 1
"""Of compression: a mask packs as well at the lowest."""


def pack_array(array: NDArray[Any]) -> bytes:
    """Return an array, of any strides, as packed bytes."""
    import blosc2  # takes half a second, which no start waits for

    array = np.ascontiguousarray(array)
    name = array.dtype.name.encode()
    header = MAGIC + struct.pack("<BBBB", VERSION, CODECS[0], array.ndim, len(name)) + name
    parts = [header + struct.pack(f"<{array.ndim}q", *array.shape)]
    raw = array.reshape(-1).view(np.uint8).data
    starts = range(0, len(raw), CHUNK_BYTES)
    parts.append(struct.pack("<I", len(starts)))
    for start in starts:
        chunk = raw[start : start + CHUNK_BYTES]
        packed = blosc2.compress2(
            chunk,
            typesize=array.dtype.itemsize,
            codec=blosc2.Codec.ZSTD,
            clevel=LEVEL,
            filters=[blosc2.Filter.NOFILTER],
            nthreads=1,
        )
        parts += [struct.pack("<QQ", len(chunk), len(packed)), packed]
    return b"".join(parts)


def unpacked_size(packed: bytes) -> tuple[tuple[int, ...], int]:
    """Return the shape and the bytes that an array would unpack to; nothing where ``unpack_array`` refuses it."""
    try:
        _, _, shape, total = _header(packed)
    except (struct.error, UnicodeDecodeError, InputError):
        return (), 0
    return shape, total


def unpack_array(packed: bytes, limit_bytes: int) -> NDArray[Any]:
    """Return the array that was packed.

    Raises
    ------
    InputError
        The bytes are cut, inconsistent, of another version, or would unpack to more than ``limit_bytes``.
    """
    try:
        return _unpacked(packed, limit_bytes)
    except (struct.error, RuntimeError, ValueError, UnicodeDecodeError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the packed array cannot be read ({type(error).__name__}); send it again") from None


def _unpacked(packed: bytes, limit_bytes: int) -> NDArray[Any]:
    import blosc2

    at, dtype, shape, total = _header(packed)
    if total > limit_bytes:
        raise LimitError(f"a packed array of shape {shape} and {dtype} is not within 1 to {limit_bytes} bytes")
    chunks = _chunks(packed, at, total, dtype.itemsize)
    flat = np.empty(total, np.uint8)
    for start, raw, part in chunks:
        blosc2.decompress2(part, dst=flat[start : start + raw])
    return flat.view(dtype).reshape(shape)


def _header(packed: bytes) -> tuple[int, np.dtype[Any], tuple[int, ...], int]:
    """Return where the chunks begin, and dtype, shape and bytes of the array."""
    magic, version, codec, ndim, length = struct.unpack_from("<4sBBBB", packed)
    if (magic, version) != (MAGIC, VERSION) or codec not in CODECS:
        raise InputError("this is no packed array of version 1 (NNIA); use nninteractive-client 2")
    name = packed[8 : 8 + length].decode("ascii")
    if name not in DTYPES or not 1 <= ndim <= MOST_AXES:
        raise InputError(f"a packed array of {ndim} axes and dtype {name[:16]!r} is not supported; send 1 to 4 axes")
    shape = struct.unpack_from(f"<{ndim}q", packed, 8 + length)
    if min(shape) < 1:
        raise LimitError(f"a packed array of shape {shape} is not within bounds; expected at least one voxel an axis")
    dtype = np.dtype(name)
    return 8 + length + 8 * ndim, dtype, shape, math.prod(shape) * dtype.itemsize  # Python's integers do not overflow


def _chunks(packed: bytes, at: int, total: int, itemsize: int) -> list[tuple[int, int, memoryview]]:
    """Return where each chunk goes, how long it is there, and its packed bytes; together they fill the array."""
    import blosc2

    (count,) = struct.unpack_from("<I", packed, at)
    at, start, view, chunks = at + 4, 0, memoryview(packed), []
    for _ in range(count):
        raw, length = struct.unpack_from("<QQ", packed, at)
        part = view[at + 16 : at + 16 + length]
        at += 16 + length
        # blosc2 does not notice a destination of another size: its own header is read first.
        if len(part) != length or length < 32 or blosc2.get_cbuffer_sizes(part)[:2] != (raw, length) or raw % itemsize:
            raise InputError("a chunk of the packed array is cut or says another size than its header; send it again")
        chunks.append((start, raw, part))
        start += raw
        if start > total:
            break
    if start != total or at != len(packed):
        raise InputError(f"the packed array holds {start} bytes; its shape needs {total}; send it again")
    return chunks
