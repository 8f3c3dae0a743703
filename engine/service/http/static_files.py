"""GET / and /page/...: the page and what it is made of. It holds no data: all that it shows, it asks for.

The files are listed once, when the routes are made: only what lay there then can be named, and a new file is served
after a restart. What a listed file holds is looked at anew each time, so that a page can be changed under a server; a
browser that has a file already is told so in an answer without a body (304).
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from maskwright.engine.service.http.routes import OPEN, action
from maskwright.errors import NotFoundError

FOLDER = Path(__file__).parents[1] / "page"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_router() -> APIRouter:
    """Return the routes, over the files that the page has now."""
    router = APIRouter(include_in_schema=False)
    files = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.suffix in TYPES}

    @router.get("/", response_class=Response)
    @action(OPEN)
    def index(request: Request) -> Response:
        return _answer(files, "index.html", request)

    @router.get("/page/{name:path}", response_class=Response)
    @action(OPEN, quiet=True)
    def part(name: str, request: Request) -> Response:
        return _answer(files, name, request)

    return router


def _answer(files: Mapping[str, Path], name: str, request: Request) -> Response:
    """Return a file of the page as it is now, or that the client has it; nothing but what is listed can be named."""
    path = files.get(name)
    try:
        status = None if path is None else path.stat()
    except OSError:  # it has gone since
        status = None
    if path is None or status is None or not stat.S_ISREG(status.st_mode):
        raise NotFoundError("the page has no such file")
    found = FileResponse(path, media_type=TYPES[path.suffix], headers=HEADERS, stat_result=status)
    if not _has(request.headers.get("if-none-match", ""), found.headers["etag"]):
        return found
    return Response(status_code=304, headers={**HEADERS, "ETag": found.headers["etag"]})


def _has(known: str, etag: str) -> bool:
    """Whether a client's ``If-None-Match`` names this version, be it as a weak tag (a proxy packs what it hands on)."""
    tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
    return etag in tags or tags == ["*"]
