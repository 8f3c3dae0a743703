"""OHIF's viewer is a page of another origin: which pages a browser lets ask."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

ORIGINS = r"https?://(localhost|127\.0\.0\.1)(:\d+)?"
"""There are no cookies that a page could make use of; still, only pages of this machine may ask."""


def allow_viewer_origins(app: ASGIApp) -> ASGIApp:
    """Let the pages of this machine read the answers of an app; refusals too, so it goes around the guard."""
    return CORSMiddleware(app, allow_origin_regex=ORIGINS, allow_methods=["*"], allow_headers=["Authorization"])
