"""Frames of a file as they lie in it: uncompressed, or each in the form in which it was compressed.

Nothing is decoded, so that no frame is larger in memory than in its file, and an uncompressed one is never whole there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from maskwright.engine.io.quiet import quiet_libraries
from maskwright.engine.service.budget.request_context import reserve_answer
from maskwright.engine.service.storage import Instance
from maskwright.engine.service.storage.dicom_file import open_file
from maskwright.errors import FileFormatError, NotFoundError

_IMPLICIT, _EXPLICIT, _BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
_RAW = "application/octet-stream"
_JPEG = "1.2.840.10008.1.2.4."
_MEDIA_TYPES = {
    **dict.fromkeys([_IMPLICIT, _EXPLICIT, _BIG], _RAW),
    **dict.fromkeys([_JPEG + end for end in ("50", "51", "57", "70")], "image/jpeg"),
    **dict.fromkeys([_JPEG + end for end in ("80", "81")], "image/jls"),
    **dict.fromkeys([_JPEG + end for end in ("90", "91")], "image/jp2"),
    **dict.fromkeys([_JPEG + end for end in ("92", "93")], "image/jpx"),
    **dict.fromkeys([_JPEG + end for end in ("201", "202", "203")], "image/jphc"),
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}
"""By transfer syntax (PS3.18, table 8.7.3-5)."""
_PIXELS = [0x7FE0, 0x0010]
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Frames:
    """Where the frames of a file lie.

    ``media_type`` is that of each frame, ``syntax`` the transfer syntax it is sent in. ``start`` is where the value of
    the pixels begins; ``size`` in bytes is that of a frame, None where the file says it frame by frame. ``swapped``
    says that the bytes of each 16-bit pixel come the high one first.
    """

    path: Path
    count: int
    media_type: str
    syntax: str
    start: int
    size: int | None
    offsets: tuple[bytes, bytes] | None
    swapped: bool

    @property
    def part_type(self) -> str:
        """The media type of a part that holds a frame."""
        return f"{self.media_type}; transfer-syntax={self.syntax}"

    @staticmethod
    def of(path: Path, instance: Instance) -> Frames:
        """Find the frames of a file.

        Raises
        ------
        FileFormatError
            It is damaged, holds no pixels, or holds them as bits or as video.
        """
        import pydicom

        syntax = instance.transfer_syntax
        if syntax not in _MEDIA_TYPES:
            raise FileFormatError(f"frames of transfer syntax {syntax} are not sent: retrieve the instance")
        raw = _MEDIA_TYPES[syntax] == _RAW
        swapped = syntax == _BIG and instance.bits > 8
        try:
            with quiet_libraries(), path.open("rb") as file:
                header = pydicom.dcmread(file, stop_before_pixels=True)  # which leaves the file where the pixels begin
                start = _start_of_pixels(file, syntax)
                size = _frame_size(header) if raw else None
                offsets = _offsets(header)
        except Exception as error:  # a damaged file can fail anywhere in pydicom
            raise FileFormatError(f"a DICOM file cannot be read ({type(error).__name__}): it is damaged") from None
        if start is None or size == 0 or (raw and instance.bits % 8) or (swapped and instance.bits != 16):
            raise FileFormatError("the file holds no pixels that can be sent as frames: retrieve the instance")
        sent = _EXPLICIT if raw else syntax
        return Frames(path, instance.frames, _MEDIA_TYPES[syntax], sent, start, size, offsets, swapped)

    def require(self, numbers: Sequence[int]) -> None:
        """Raise a NotFoundError where there is no such frame."""
        if any(number > self.count for number in numbers):
            raise NotFoundError(f"the instance has {self.count} frames, counted from 1; ask for one of them")

    def blocks(self, number: int) -> Iterator[bytes]:
        """Yield a frame, counted from 1, in blocks; a compressed one whole, reserved while it is sent.

        Raises
        ------
        FileFormatError
            The file ends before the frame does, or is damaged.
        NotFoundError
            It is gone.
        CapacityError
            There is no memory for a compressed frame now.
        """
        with open_file(self.path) as file:
            if self.size is not None:
                yield from self._stored_blocks(file, number, self.size)
                return
            file.seek(self.start)
            data = _unwrapped(file, number - 1, self.count, self.offsets)
            reserve_answer(len(data))
            yield data

    def _stored_blocks(self, file: BinaryIO, number: int, size: int) -> Iterator[bytes]:
        start = self.start + (number - 1) * size
        if start + size > os.fstat(file.fileno()).st_size:  # the header may claim any size
            raise FileFormatError(f"frame {number} is cut short: the file is damaged")
        file.seek(start)
        for length in (min(_BLOCK, size - at) for at in range(0, size, _BLOCK)):
            block = file.read(length)
            if len(block) < length:
                raise FileFormatError(f"frame {number} is cut short: the file has changed")
            yield np.frombuffer(block, ">u2").astype("<u2").tobytes() if self.swapped else block


def _start_of_pixels(file: BinaryIO, syntax: str) -> int | None:
    """Return where the value of the pixels begins; the file is where their element does, or at its end."""
    order: Literal["big", "little"] = "big" if syntax == _BIG else "little"
    element = file.read(4)
    if [int.from_bytes(element[:2], order), int.from_bytes(element[2:], order)] != _PIXELS:
        return None
    # Beside the tag: the length, or the type of the value, two empty bytes, and the length.
    return file.tell() + (4 if syntax == _IMPLICIT else 8)


def _frame_size(header: Any) -> int:
    from pydicom.pixels.utils import get_expected_length

    return int(get_expected_length(header)) // int(header.get("NumberOfFrames") or 1)


def _offsets(header: Any) -> tuple[bytes, bytes] | None:
    if "ExtendedOffsetTable" not in header:
        return None
    return header.ExtendedOffsetTable, header.ExtendedOffsetTableLengths


def _unwrapped(file: BinaryIO, at: int, count: int, offsets: tuple[bytes, bytes] | None) -> bytes:
    from pydicom.encaps import get_frame

    try:
        with quiet_libraries():
            return bytes(get_frame(file, at, extended_offsets=offsets, number_of_frames=count))
    except Exception as error:  # a damaged file can fail anywhere in pydicom
        raise FileFormatError(f"frame {at + 1} cannot be read ({type(error).__name__}): the file is damaged") from None
