"""Multipart forms and JSON bodies, read up to a limit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from maskwright.engine.service.budget.request_context import current_limits, current_request
from maskwright.engine.service.http.body import read_body
from maskwright.errors import InputError, LimitError

JSON_BYTES = 4 << 20


def parsed(text: str | bytes, name: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    InputError
        It is none.
    """
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{name} is no JSON object; expected one in braces")
    return found


async def read_form(request: Request) -> tuple[dict[str, Any], Mapping[str, UploadFile]]:
    """Return ``params`` and the files of a form. A body that is no form is the parameters themselves, as JSON.

    Raises
    ------
    InputError, LimitError
        The form or its JSON cannot be read, or it is larger than the limit.
    CapacityError
        There is no memory for it now.
    """
    context, limit_bytes = current_request(), current_limits().body_bytes
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):  # QuPath sends JSON and does not say so
        return parsed(await read_body(request, JSON_BYTES), "the body"), {}
    length = int(request.headers.get("content-length") or limit_bytes + 1)
    if length > limit_bytes:
        raise LimitError(f"the form is larger than {limit_bytes} bytes, or does not say its length")
    if context is not None:
        context.reserve(length)  # refused at once where there is no room
        context.release(length)  # while it arrives its files lie on the disk
    try:
        form = await request.form(max_files=4, max_fields=16, max_part_size=JSON_BYTES)
    except MultiPartException as error:
        raise InputError(f"the form cannot be read: {error.message}") from None
    if context is not None:
        context.reserve(length)  # now they are read
    files = {name: part for name, part in form.items() if isinstance(part, UploadFile)}
    text = form.get("params", "{}")
    return parsed(text if isinstance(text, str) else "", "params"), files
