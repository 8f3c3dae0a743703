"""A JSON body as a model of pydantic, read up to a limit; what is wrong is said in one line."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from maskwright.engine.service.body import read_body
from maskwright.engine.service.forms import JSON_BYTES, parsed
from maskwright.kernels.errors import InputError

M = TypeVar("M", bound=BaseModel)


async def read_model(request: Request, model: type[M]) -> M:
    """Return the body of a request.

    Raises
    ------
    InputError, LimitError
        It is no such JSON object, or too large.
    """
    fields = parsed(await read_body(request, JSON_BYTES), "the body")
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"the body, {'.'.join(map(str, first['loc'])) or 'whole'}: {first['msg']}") from None
