"""What came as JSON as a model of pydantic; what is wrong is said in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from maskwright.engine.service.http.body import read_body
from maskwright.engine.service.http.forms import JSON_BYTES, parsed
from maskwright.errors import InputError

M = TypeVar("M", bound=BaseModel)


def model_of(model: type[M], found: Mapping[str, Any] | str, what: str) -> M:
    """Return fields, or the text of a JSON object, as a model; ``what`` they are stands in the message.

    Raises
    ------
    InputError
        They are not those of the model.
    """
    try:
        return model.model_validate_json(found) if isinstance(found, str) else model.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "whole"
        raise InputError(f"{what}, {where}: {first['msg']}") from None


async def read_model(request: Request, model: type[M]) -> M:
    """Return the body of a request, read up to a limit.

    Raises
    ------
    InputError, LimitError
        It is no such JSON object, or too large.
    """
    return model_of(model, parsed(await read_body(request, JSON_BYTES), "the body"), "the body")
