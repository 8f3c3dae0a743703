"""Decompressors for zarr that unpack a chunk to its size in the array and no further.

Those of zarr trust the size in the chunk, or unpack to its end: a kilobyte can become gigabytes.
This module imports zarr and is itself imported inside functions.
"""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from zarr.abc.codec import BytesBytesCodec, Codec
from zarr.codecs import BloscCodec, GzipCodec, ShardingCodec, ZstdCodec

from maskwright.errors import FileFormatError

_ROOM = 64  # bytes that a checksum, or a codec of that kind, may add to a chunk
_BLOSC_HEADER = 16


def bounded_array(stored: Any) -> Any:
    """Return the zarr array with decompressors that are bounded."""
    from zarr import Array
    from zarr.core.array import AsyncArray

    itemsize = stored.dtype.itemsize
    codecs = tuple(_bounded(codec, itemsize) for codec in stored.metadata.codecs)
    return Array(AsyncArray(metadata=replace(stored.metadata, codecs=codecs), store_path=stored.store_path))


def _bounded(codec: Codec, itemsize: int) -> Codec:
    if isinstance(codec, ShardingCodec):
        inner = [_bounded(each, itemsize) for each in codec.codecs]
        return ShardingCodec(
            chunk_shape=codec.chunk_shape,
            codecs=inner,
            index_codecs=codec.index_codecs,
            index_location=codec.index_location,
        )
    for kind, unpack in _UNPACK.items():
        if isinstance(codec, kind):
            return _BoundedCodec(codec, unpack, itemsize)
    return codec


@dataclass(frozen=True)
class _BoundedCodec(BytesBytesCodec):  # type: ignore[misc]
    """A decompressor of zarr whose chunks are unpacked by a function with a bound, which raises above it."""

    codec: Any
    unpack: Callable[[bytes, int], bytes]
    itemsize: int
    is_fixed_size = False

    def to_dict(self) -> Any:
        """Return the codec's own description."""
        return self.codec.to_dict()

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        """Refuse: the size is not known before."""
        raise NotImplementedError

    def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        most = math.prod(chunk_spec.shape) * self.itemsize + _ROOM
        return chunk_spec.prototype.buffer.from_bytes(self.unpack(chunk_bytes.to_bytes(), most))

    async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)


def _unpack_zstd(data: bytes, most: int) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.zstd_decode(data, out=most))


def _unpack_gzip(data: bytes, most: int) -> bytes:
    unpacked, rest = bytearray(), data
    while rest:  # one member after the other
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        unpacked += inflater.decompress(rest, most + 1 - len(unpacked))
        if len(unpacked) > most:
            raise FileFormatError("a chunk unpacks to more than its place in the array")
        if not inflater.eof:
            raise FileFormatError("a chunk ends early")
        rest = inflater.unused_data
    return bytes(unpacked)


def _unpack_blosc(data: bytes, most: int) -> bytes:
    from numcodecs.blosc import decompress

    if len(data) < _BLOSC_HEADER or int.from_bytes(data[4:8], "little") > most:
        raise FileFormatError("a chunk unpacks to more than its place in the array")
    return bytes(decompress(data))


_UNPACK: dict[type[Codec], Callable[[bytes, int], bytes]] = {
    ZstdCodec: _unpack_zstd,
    GzipCodec: _unpack_gzip,
    BloscCodec: _unpack_blosc,
}
