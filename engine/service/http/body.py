"""The body of a request, read up to a limit, and noted in the account of memory as it comes."""

from __future__ import annotations

from fastapi import Request

from maskwright.engine.service.budget.request_context import current_limits, current_request
from maskwright.errors import LimitError


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body; one that is larger than the limit is refused as soon as that shows.

    Raises
    ------
    LimitError
        It is larger than this, or than the server takes of anything.
    CapacityError
        There is no memory for it now.
    """
    context, limit_bytes = current_request(), min(limit_bytes, current_limits().body_bytes)
    parts, total = [], 0
    async for part in request.stream():
        total += len(part)
        if total > limit_bytes:
            raise LimitError(f"the request is larger than {limit_bytes} bytes; send less, or raise the server's limit")
        if context is not None:
            context.reserve(len(part))
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    if context is not None:
        context.reserve(total)  # for a moment it is there twice
    body = b"".join(parts)
    parts.clear()
    if context is not None:
        context.release(total)
    return body
