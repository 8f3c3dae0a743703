"""The size in the header of a compressed image, read without decoding it.

A decoder makes an array of that size, even where the file around the image states another; readers compare both first.
Sources: ITU-T T.81 (JPEG) and T.87 (JPEG-LS), B.2.2; T.800 (JPEG 2000), A.4 to A.6 and I.4, which T.814 (HTJ2K) shares.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_JPEG_START, _JPEG_SCAN = b"\xff\xd8", 0xDA
_JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOFn and JPEG-LS; not DHT, JPG, DAC
_JPEG_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_J2K_START = b"\xff\x4f\xff\x51"
_SOT, _SOD, _COD, _COC = 0x90, 0x93, 0x52, 0x53
_WHOLE_TILE, _SHORT_INDEX = 30, 257
_JP2_START = b"\x00\x00\x00\x0cjP  \r\n\x87\n"


@dataclass(frozen=True)
class ImageSize:
    """Rows, columns, components and bits a sample; tiles, and at most so many precincts, of JPEG 2000."""

    rows: int
    columns: int
    components: int
    bits: int
    tiles: int = 1
    precincts: int = 0

    @property
    def nbytes(self) -> int:
        """How many bytes the decoded samples take."""
        return self.rows * self.columns * self.components * (-(-self.bits // 8))


def codestream_size(data: bytes) -> ImageSize | None:
    """Return the size in the header of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K image; None where it is none of them."""
    try:
        if data.startswith(_JPEG_START):
            return _jpeg_size(data)
        if data.startswith(_JP2_START):
            data = _jp2_codestream(data)
        if data.startswith(_J2K_START):
            return _j2k_size(data)
    except (struct.error, IndexError):  # it ends in its header
        pass
    return None


def _jpeg_size(data: bytes) -> ImageSize | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        elif marker in _JPEG_FRAMES:
            bits, rows, columns, components = struct.unpack_from(">BHHB", data, at + 4)
            return ImageSize(rows, columns, components, bits)
        elif marker == _JPEG_SCAN:
            return None
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _j2k_size(data: bytes) -> ImageSize | None:
    right, bottom, left, top, tile_width, tile_height, tiles_left, tiles_top, components, depth = struct.unpack_from(
        ">8IHB", data, 8
    )
    if not tile_width or not tile_height:
        return None
    tiles = -(-(right - tiles_left) // tile_width) * -(-(bottom - tiles_top) // tile_height)
    rows, columns = bottom - top, right - left
    precincts = components * (rows * columns >> _smallest_precinct(data, components))
    return ImageSize(rows, columns, components, (depth & 0x7F) + 1, tiles, precincts)


def _smallest_precinct(data: bytes, components: int) -> int:
    """Return the exponent of 2 of the smallest precinct's area that a header names, of the image or of a tile."""
    smallest, at, tile_end = _WHOLE_TILE, 2, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, (length,), start = data[at + 1], struct.unpack_from(">H", data, at + 2), at + 4
        if marker == _SOD:
            if tile_end <= at:
                break
            at = tile_end
            continue
        if marker == _SOT:
            tile_end = at + struct.unpack_from(">I", data, at + 6)[0]
        elif marker in (_COD, _COC):
            skipped = 0 if marker == _COD else 1 if components < _SHORT_INDEX else 2
            first = start + (10 if marker == _COD else skipped + 6)
            sizes = data[first : at + 2 + length] if data[start + skipped] & 1 else b""
            smallest = min([smallest, *((size & 15) + (size >> 4) for size in sizes)])
        at += 2 + length
    return smallest


def _jp2_codestream(data: bytes) -> bytes:
    """Return the content of the first box that holds a codestream; nothing where there is none."""
    at = 0
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1:
            (length,), start = struct.unpack_from(">Q", data, at + 8), at + 16
        if kind == b"jp2c":
            return data[start:]
        if length < start - at:  # 0: the box goes on to the end of the file
            break
        at += length
    return b""
