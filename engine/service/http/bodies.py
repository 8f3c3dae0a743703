"""Bodies of requests: packed bytes, multipart forms and JSON. ``timeouts`` bounds and counts them as they arrive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from maskwright.engine.service.budget.request_context import reserve
from maskwright.errors import InputError

JSON_BYTES = 4 << 20
"""The largest body of a route that takes JSON alone, and the largest text of a form."""

M = TypeVar("M", bound=BaseModel)


async def read_body(request: Request) -> bytes:
    """Return the body of a request.

    Raises
    ------
    LimitError
        It is larger than its route allows.
    CapacityError
        There is no memory for it now.
    """
    parts = [part async for part in request.stream()]
    if len(parts) == 1:
        return parts[0]
    with reserve(sum(map(len, parts))):  # for a moment it is there twice
        return b"".join(parts)


async def read_form(request: Request) -> tuple[dict[str, Any], Mapping[str, UploadFile]]:
    """Return ``params`` and the files of a form. A body that is no form is the parameters themselves, as JSON.

    Raises
    ------
    InputError, LimitError
        The form or its JSON cannot be read, or it is larger than its route allows.
    CapacityError
        There is no memory for it now.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):  # QuPath names no type
        return parse_object(await read_body(request), "the body"), {}
    try:
        form = await request.form(max_files=4, max_fields=16, max_part_size=JSON_BYTES)
    except MultiPartException as error:
        raise InputError(f"the form cannot be read: {error.message}") from None
    files = {name: part for name, part in form.items() if isinstance(part, UploadFile)}
    text = form.get("params", "{}")
    return parse_object(text if isinstance(text, str) else "", "params"), files


def parse_object(text: str | bytes, name: str) -> dict[str, Any]:
    """Return a JSON object; an empty text is an empty object.

    Raises
    ------
    InputError
        It is something else.
    """
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InputError(f"{name} is no JSON object; expected one in braces")
    return value


def parse_model(model: type[M], value: Mapping[str, Any] | str, name: str) -> M:
    """Return fields, or the text of a JSON object, as a model; ``name`` stands in the message.

    Raises
    ------
    InputError
        They are not those of the model.
    """
    try:
        return model.model_validate_json(value) if isinstance(value, str) else model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "whole"
        raise InputError(f"{name}, {where}: {first['msg']}") from None
