"""GET /docs: what there is to ask, from the OpenAPI document, as a page that loads nothing from anywhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto}"
    "h2{margin-top:2.5rem}h3{font-size:1rem;margin:1.5rem 0 0}p{margin:.25rem 0}pre{overflow:auto;font-size:.85rem}"
    "code{font-family:ui-monospace,monospace}"
)


def add_api_page(app: FastAPI) -> None:
    """Let an app describe its routes at /docs; the app is made with ``docs_url=None``."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(api_page(app.openapi()), headers=HEADERS)


def api_page(document: dict[str, Any]) -> str:
    """Return an OpenAPI document as HTML."""
    title = escape(document["info"]["title"])
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            group = (told.get("tags") or ["other"])[0]
            groups.setdefault(group, []).append("".join(_operation(method, path, told)))
    parts = [f"<h2>{escape(group)}</h2>{''.join(operations)}" for group, operations in groups.items()]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    parts.insert(0, f'<h1>{title}</h1><p>For programs: <a href="openapi.json">openapi.json</a>.</p>')
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def _operation(method: str, path: str, told: dict[str, Any]) -> Iterator[str]:
    yield f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
    for paragraph in told.get("description", told.get("summary", "")).split("\n\n"):
        yield f"<p>{escape(paragraph)}</p>"
    fields = [f"<code>{escape(each['name'])}</code> ({escape(each['in'])})" for each in told.get("parameters", [])]
    if fields:
        yield f"<p>Parameters: {', '.join(fields)}</p>"
    for kind, body in told.get("requestBody", {}).get("content", {}).items():
        schema = escape(json.dumps(body["schema"], indent=2))
        yield f"<details><summary>Body, <code>{escape(kind)}</code></summary><pre>{schema}</pre></details>"
    kinds = [escape(kind) for kind in told["responses"].get("200", {}).get("content", {})]
    if kinds:
        yield f"<p>Answer: {', '.join(f'<code>{kind}</code>' for kind in kinds)}</p>"
