"""GET / and /page/...: the page and what it is made of. It holds no data: all that it shows, it asks for."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from maskwright.kernels.errors import NotFoundError

FOLDER = Path(__file__).parent / "page"
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
    """Return the routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/", response_class=Response)
    def index() -> FileResponse:
        return _file("index.html")

    @router.get("/page/{name:path}", response_class=Response)
    def part(name: str) -> FileResponse:
        return _file(name)

    return router


def _file(name: str) -> FileResponse:
    """Return a file of the page; nothing but what lies there can be named."""
    places = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.suffix in TYPES}
    if name not in places:
        raise NotFoundError("the page has no such file")
    return FileResponse(places[name], media_type=TYPES[places[name].suffix], headers=HEADERS)
