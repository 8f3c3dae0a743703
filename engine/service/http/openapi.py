"""The OpenAPI document: forms, files and problems, which FastAPI cannot see, and the page that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from maskwright.engine.service.http.problems import TITLES, answer_with_problems
from maskwright.engine.service.http.routes import OPEN, action

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, and what to do"},
    },
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": title, "content": {"application/problem+json": {"schema": PROBLEM}}}
    for status, title in TITLES.items()
    if status not in (499, 500)
}
"""Of every route."""

ANY_OBJECT = {"type": "object"}
BINARY = {"type": "string", "format": "binary"}

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto}"
    "h2{margin-top:2.5rem}h3{font-size:1rem;margin:1.5rem 0 0}p{margin:.25rem 0}pre{overflow:auto;font-size:.85rem}"
    "code{font-family:ui-monospace,monospace}"
)


def make_app(title: str) -> FastAPI:
    """Return an app that describes itself at ``/openapi.json`` and, for people, at ``/docs``, to anybody."""
    app = FastAPI(
        title=title,
        strict_content_type=False,  # QuPath sends JSON and does not say so
        responses=REFUSALS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    answer_with_problems(app)

    @app.get("/openapi.json", include_in_schema=False)
    @action(OPEN)
    def document() -> dict[str, Any]:
        return app.openapi()

    @app.get("/docs", include_in_schema=False)
    @action(OPEN)
    def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()), headers=HEADERS)

    return app


def body(params: type[BaseModel] | None = None, files: Sequence[str] = (), required: bool = True) -> dict[str, Any]:
    """Return the description of a body: JSON alone, or with ``files`` a form of them and of ``params``, JSON text."""
    schema = ANY_OBJECT if params is None else params.model_json_schema(ref_template="#/components/schemas/{model}")
    content: dict[str, Any] = {"application/json": {"schema": _inlined(schema)}}
    if files:
        fields = dict.fromkeys(files, BINARY) | {"params": {"type": "string", "contentMediaType": "application/json"}}
        content["multipart/form-data"] = {"schema": {"type": "object", "properties": fields}}
    return {"requestBody": {"required": required, "content": content}}


def answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of an answer with 200: files or texts of these types."""
    schemas = {kind: {"schema": ANY_OBJECT if kind == "application/json" else BINARY} for kind in media_types}
    return {200: {"description": "done", "content": schemas}}


def docs_page(document: dict[str, Any]) -> str:
    """Return an OpenAPI document as HTML, a page that loads nothing."""
    title = escape(document["info"]["title"])
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            group = (operation.get("tags") or ["other"])[0]
            groups.setdefault(group, []).append("".join(_operation_html(method, path, operation, document)))
    parts = [f"<h2>{escape(group)}</h2>{''.join(operations)}" for group, operations in groups.items()]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    parts.insert(0, f'<h1>{title}</h1><p>For programs: <a href="openapi.json">openapi.json</a>.</p>')
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def _operation_html(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    yield f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
    for paragraph in operation.get("description", operation.get("summary", "")).split("\n\n"):
        yield f"<p>{escape(paragraph)}</p>"
    fields = [f"<code>{escape(each['name'])}</code> ({escape(each['in'])})" for each in operation.get("parameters", [])]
    if fields:
        yield f"<p>Parameters: {', '.join(fields)}</p>"
    definitions = document.get("components", {}).get("schemas", {})
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = escape(json.dumps(_inlined(content["schema"], definitions), indent=2))
        yield f"<details><summary>Body, <code>{escape(kind)}</code></summary><pre>{schema}</pre></details>"
    kinds = [escape(kind) for kind in operation["responses"].get("200", {}).get("content", {})]
    if kinds:
        yield f"<p>Answer: {', '.join(f'<code>{kind}</code>' for kind in kinds)}</p>"


def _inlined(schema: Any, definitions: dict[str, Any] | None = None) -> Any:
    """Return a schema with its definitions put where they are referred to."""
    definitions = schema.get("$defs", {}) if definitions is None else definitions
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return {key: _inlined(value, definitions) for key, value in schema.items() if key != "$defs"}
    return [_inlined(value, definitions) for value in schema] if isinstance(schema, list) else schema
