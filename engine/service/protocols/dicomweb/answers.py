"""Answers of DICOMweb, sent while they are read: no more than a block of one file, or one header, is in memory."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from fastapi.responses import StreamingResponse

from maskwright.engine.io.quiet import quiet_libraries
from maskwright.engine.service.storage import Instance
from maskwright.engine.service.storage.dicom_file import open_file, to_json
from maskwright.errors import FileFormatError

LARGEST_BINARY = 64 << 10
"""Of a binary value, in base64: larger ones, such as private data, are left out."""
_BLOCK = 1 << 20
Part = tuple[str, Iterable[bytes]]
"""A part: its media type, and its bytes in blocks."""


def multipart(parts: Iterable[Part], kind: str) -> StreamingResponse:
    """Return ``multipart/related`` (RFC 2387); ``kind`` is the media type of its first part, without parameters."""
    boundary = secrets.token_hex(16)
    media_type = f'multipart/related; type="{kind}"; boundary={boundary}'
    return StreamingResponse(_framed(parts, boundary), media_type=media_type)


def json_array(records: Iterable[bytes]) -> Iterator[bytes]:
    """Yield records as one JSON array."""
    before = b"["
    for record in records:
        yield before + record
        before = b","
    yield b"[]" if before == b"[" else b"]"


def blocks_of(path: Path) -> Iterator[bytes]:
    """Yield a file, block by block; NotFoundError where it is gone."""
    with open_file(path) as file:
        while block := file.read(_BLOCK):
            yield block


def metadata_of(path: Path, instance: Instance) -> bytes:
    """Return the header of a file as DICOM's JSON, without pixels and without values that break the standard.

    Raises
    ------
    FileFormatError
        The file cannot be read.
    """
    import pydicom

    try:
        with quiet_libraries():
            header = to_json(pydicom.dcmread(path, stop_before_pixels=True))
    except Exception as error:  # a damaged file can fail anywhere in pydicom
        raise FileFormatError(f"a DICOM file cannot be read ({type(error).__name__}): it is damaged") from None
    small = {tag: value for tag, value in header.items() if len(value.get("InlineBinary", "")) <= LARGEST_BINARY}
    small["00083002"] = {"vr": "UI", "Value": [instance.transfer_syntax]}  # AvailableTransferSyntaxUID
    return json.dumps(small).encode("ascii")


def _framed(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    for media_type, blocks in parts:
        yield f"--{boundary}\r\nContent-Type: {media_type}\r\n\r\n".encode("ascii")
        yield from blocks
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode("ascii")
