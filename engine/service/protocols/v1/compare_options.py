"""The fields of a JSON body that say how masks are compared."""

from __future__ import annotations

from typing import Annotated, cast, get_args

from pydantic import BaseModel, ConfigDict, Field

from maskwright.engine.config import load_preset, shipped_presets
from maskwright.engine.metrics.conventions import Convention
from maskwright.engine.metrics.options import CompareOptions, EmptyPolicy, make_options
from maskwright.errors import ConfigError

Numbers = float | Annotated[list[float], Field(min_length=1, max_length=8)]


class CompareOptionsBody(BaseModel):
    """``CompareOptions`` under the names of the command line; ``CompareOptions`` itself checks the values."""

    model_config = ConfigDict(extra="forbid")
    tolerance_mm: Numbers = 2.0
    percentile: Numbers = 95.0
    convention: str = Field("metrics-reloaded", json_schema_extra={"enum": list(get_args(Convention))})
    empty: str = Field("infinite", json_schema_extra={"enum": list(get_args(EmptyPolicy))})
    preset: str | None = Field(None, description="The name of a preset that comes with Maskwright.")
    resample: bool = False

    def options(self) -> CompareOptions:
        """Return the options.

        Raises
        ------
        ConfigError
            A value is wrong, or the preset is not a shipped one: a path is never opened.
        """
        if self.preset is not None and self.preset not in shipped_presets():
            raise ConfigError(f"preset: expected one of {', '.join(shipped_presets())}, got another name")
        return make_options(
            tolerance_mm=self.tolerance_mm,
            percentile=self.percentile,
            convention=cast(Convention, self.convention),
            empty=cast(EmptyPolicy, self.empty),
            preset=load_preset(self.preset) if self.preset else None,
            resample=self.resample,
        )
