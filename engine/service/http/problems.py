"""Errors as HTTP answers: JSON problems (RFC 9457). The title is that of the status, the detail says what to do."""

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
CLIENT_GONE = 499
"""For the log alone: nobody is there to read it."""
TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    410: "Gone",
    413: "Content too large",
    422: "Unprocessable content",
    CLIENT_GONE: "Client closed request",
    500: "Internal server error",
    503: "Service unavailable",
    504: "Gateway timeout",
    507: "Insufficient storage",
}
STATUS: tuple[tuple[type[MaskwrightError], int], ...] = (
    (LimitError, 413),
    (NotFoundError, 404),
    (GoneError, 410),
    (StorageError, 507),
    (CapacityError, 503),
    (InputError, 422),
    (FileFormatError, 422),
)
"""The status of an error; the first that fits counts."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Of the system's errors, those of a full disk: also of the temporary one, on which forms lie while they arrive."""
FAILED = "the server failed at this; its log says where, under this X-Request-Id"
_HEADERS = {503: {"Retry-After": str(RETRY_S)}, 401: {"WWW-Authenticate": "Bearer"}}


def problem(status: int, detail: str) -> JSONResponse:
    """Return a problem as a response. ``detail`` is for people: clients show it."""
    body = {"type": "about:blank", "title": TITLES.get(status, "Refused"), "status": status, "detail": detail}
    return JSONResponse(body, status, _HEADERS.get(status), media_type="application/problem+json")


def problem_of(error: MaskwrightError) -> JSONResponse:
    """Return the problem that stands for an error."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    return problem(status, str(error))


def answer_with_problems(app: FastAPI) -> None:
    """Let an app answer its errors with problems."""

    @app.exception_handler(MaskwrightError)
    async def refused(request: Request, error: MaskwrightError) -> JSONResponse:
        return problem_of(error)

    @app.exception_handler(OSError)
    async def unstored(request: Request, error: OSError) -> JSONResponse:
        if error.errno not in _FULL:
            raise error
        return problem(507, "a disk of the server is full: free space and send it again")

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(422, f"{where}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        cause = error.__cause__  # FastAPI wraps an error that was raised while it read the body
        if isinstance(cause, MaskwrightError):
            return problem_of(cause)
        if isinstance(cause, UnicodeDecodeError | RecursionError):
            return problem(422, "body: expected JSON in UTF-8, got something else")
        return problem(error.status_code, error.detail)
