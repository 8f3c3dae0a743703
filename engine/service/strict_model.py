"""Settings and bodies as pydantic models in which an unknown key is an error and no value is converted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from maskwright.errors import ConfigError


class StrictModel(BaseModel):
    """The base of such models."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, table: object, where: str) -> Self:
        """Return a table of a configuration as a model.

        Raises
        ------
        ConfigError
            A key is unknown or missing, or a value is of another type or out of bounds: says ``where``, in one line.
        """
        if not isinstance(table, Mapping):
            raise ConfigError(f"{where}: expected a table, got {table!r}")
        try:
            return cls.model_validate(dict(table))
        except ValidationError as error:
            raise ConfigError(f"{where}{cls._describe(error.errors()[0])}") from None

    @classmethod
    def _describe(cls, error: Any) -> str:
        name = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            return f": unknown key {name!r}, expected one of {', '.join(cls.model_fields)}"
        if error["type"] == "missing":
            return f": expected a key {name!r}, got none"
        if error["loc"][-1] == "[key]":
            return f": unknown key {error['loc'][-2]!r}, {error['msg'].replace('Input should be', 'expected')}"
        message = error["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
        return f" {name}: {message}, got {error['input']!r:.60}"
