"""Answers of several parts (RFC 2387), sent while they are read: no more than a block of one file is held."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from fastapi.responses import StreamingResponse

from maskwright.engine.service.protocols.dicomweb.opened import opened

_BLOCK = 1 << 20
Part = tuple[str, Iterable[bytes]]
"""A part: its media type, and its bytes in blocks."""


def multipart(parts: Iterable[Part], kind: str) -> StreamingResponse:
    """Return a response of ``multipart/related``; ``kind`` is the media type of its first part, without parameters."""
    boundary = secrets.token_hex(16)
    media_type = f'multipart/related; type="{kind}"; boundary={boundary}'
    return StreamingResponse(_framed(parts, boundary), media_type=media_type)


def blocks_of(path: Path) -> Iterator[bytes]:
    """Yield a file, block by block; NotFoundError where it is gone."""
    with opened(path) as file:
        while block := file.read(_BLOCK):
            yield block


def _framed(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    for media_type, blocks in parts:
        yield f"--{boundary}\r\nContent-Type: {media_type}\r\n\r\n".encode("ascii")
        yield from blocks
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode("ascii")
