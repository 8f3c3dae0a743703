"""The body of a request, read up to a limit."""

from __future__ import annotations

from fastapi import Request

from maskwright.kernels.errors import LimitError


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body; one that is larger than the limit is refused as soon as that shows."""
    parts, total = [], 0
    async for part in request.stream():
        total += len(part)
        if total > limit_bytes:
            raise LimitError(f"the request is larger than {limit_bytes} bytes; send less, or raise the server's limit")
        parts.append(part)
    return b"".join(parts)
