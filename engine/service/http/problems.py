"""Errors as HTTP answers: JSON problems (RFC 9457) that say what to do."""

from __future__ import annotations

import errno

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from maskwright.errors import (
    CapacityError,
    FileFormatError,
    GoneError,
    InputError,
    LimitError,
    MaskwrightError,
    NotFoundError,
    StorageError,
)

RETRY_S = 10
FULL = (errno.ENOSPC, errno.EDQUOT)
"""Of the system's errors, those of a full disk: also of the temporary one, on which forms lie while they arrive."""

STATUS: tuple[tuple[type[MaskwrightError], int, str], ...] = (
    (LimitError, 413, "Too large"),
    (NotFoundError, 404, "Not there"),
    (GoneError, 410, "Session ended"),
    (StorageError, 507, "Insufficient storage"),
    (CapacityError, 503, "No room"),
    (InputError, 422, "Cannot be used"),
    (FileFormatError, 422, "File cannot be read"),
)
"""Errors, the first that fits counts."""


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """Return a problem as a response. ``detail`` is what clients show."""
    headers = {"Retry-After": str(RETRY_S)} if status == 503 else None
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def answer_with_problems(app: FastAPI) -> None:
    """Let an app answer its errors with problems."""

    @app.exception_handler(MaskwrightError)
    async def refused(request: Request, error: MaskwrightError) -> JSONResponse:
        status, title = next(((s, t) for kind, s, t in STATUS if isinstance(error, kind)), (500, "Failed"))
        return problem(status, title, str(error))

    @app.exception_handler(OSError)
    async def unstored(request: Request, error: OSError) -> JSONResponse:
        if error.errno not in FULL:
            raise error
        return problem(507, "Insufficient storage", "a disk of the server is full: free space and send it again")

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return problem(500, "Failed", "the server failed at this; its log says where, under this X-Request-Id")

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(422, "Malformed request", f"{where}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, "Refused", str(error.detail))
