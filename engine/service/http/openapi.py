"""What the OpenAPI document says of requests and answers that FastAPI cannot see: forms, files and problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

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
_MEANINGS = {
    401: "no valid token",
    403: "the token may not do this",
    404: "not there",
    405: "not this method",
    408: "the request stopped arriving",
    410: "the session has ended",
    413: "too large",
    422: "cannot be used as it is",
    503: "no room now, or the audit log cannot be written",
    504: "it took too long",
    507: "a disk of the server is full",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": {"application/problem+json": {"schema": PROBLEM}}}
    for status, meaning in _MEANINGS.items()
}
"""Of every route."""

ANY_OBJECT = {"type": "object"}
BINARY = {"type": "string", "format": "binary"}


def body(params: type[BaseModel] | None = None, files: Sequence[str] = (), required: bool = True) -> dict[str, Any]:
    """Return what a route reads: JSON alone, or with ``files`` a form of them and of ``params``, a text of JSON."""
    schema = ANY_OBJECT if params is None else params.model_json_schema(ref_template="#/components/schemas/{model}")
    schema = _flat(schema)
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if files:
        fields = dict.fromkeys(files, BINARY) | {"params": {"type": "string", "contentMediaType": "application/json"}}
        content["multipart/form-data"] = {"schema": {"type": "object", "properties": fields}}
    return {"requestBody": {"required": required, "content": content}}


def answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Return what a route answers with 200: files or texts of these types."""
    schemas = {kind: {"schema": ANY_OBJECT if kind == "application/json" else BINARY} for kind in media_types}
    return {200: {"description": "done", "content": schemas}}


def _flat(schema: Any) -> Any:
    """Return a schema with its own definitions put where they are referred to."""
    definitions = schema.get("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return put(definitions[value["$ref"].rpartition("/")[2]])
            return {key: put(inner) for key, inner in value.items() if key != "$defs"}
        return [put(inner) for inner in value] if isinstance(value, list) else value

    return put(schema)
