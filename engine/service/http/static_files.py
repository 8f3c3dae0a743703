"""GET / and /page/...: the files of the page. They hold no data: the page asks for all that it shows.

Which files may be sent is asked of the table of formats.

The files are listed once, when the routes are made: a new file is served after a restart. A listed file is read each
time, so that a page can be changed under a server; a browser that has a file already is answered 304, without a body.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from maskwright.engine.io.formats import UPLOAD_SUFFIXES
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

    @router.get("/page/upload-suffixes.json")
    @action(OPEN, quiet=True)
    def upload_suffixes() -> tuple[str, ...]:
        """The suffixes of the files that may be added."""
        return UPLOAD_SUFFIXES

    @router.get("/page/{name:path}", response_class=Response)
    @action(OPEN, quiet=True)
    def part(name: str, request: Request) -> Response:
        return _answer(files, name, request)

    return router


def _answer(files: Mapping[str, Path], name: str, request: Request) -> Response:
    """Return a listed file as it is now, or 304 where the client has it."""
    path = files.get(name)
    try:
        status = None if path is None else path.stat()
    except OSError:  # it has gone since
        status = None
    if path is None or status is None or not stat.S_ISREG(status.st_mode):
        raise NotFoundError("the page has no such file")
    answer = FileResponse(path, media_type=TYPES[path.suffix], headers=HEADERS, stat_result=status)
    if not _is_known(request.headers.get("if-none-match", ""), answer.headers["etag"]):
        return answer
    return Response(status_code=304, headers={**HEADERS, "ETag": answer.headers["etag"]})


def _is_known(known: str, etag: str) -> bool:
    """Tell whether ``If-None-Match`` names this version, be it as a weak tag: a proxy may have packed the file."""
    tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
    return etag in tags or tags == ["*"]
