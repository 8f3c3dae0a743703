"""What to measure and under which definitions: checked once, handed on as one record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from maskwright.errors import ConfigError

Convention = Literal["metrics-reloaded", "medpy", "deepmind"]
EmptyPolicy = Literal["infinite", "penalty"]

_HD95 = 95.0


@dataclass(frozen=True)
class Options:
    """The definitions a comparison uses.

    Attributes
    ----------
    convention : {"metrics-reloaded", "medpy", "deepmind"}
        Which published definition of the surface metrics.
    tolerances_mm : tuple of float
        For surface Dice and boundary IoU; the first one names the columns ``nsd`` and ``boundary_iou``.
    percentiles : tuple of float
        Hausdorff percentiles; 95 is always among them, and first.
    empty : {"infinite", "penalty"}
        What a distance is where one mask is empty: infinity, or the diagonal of the reference grid.
    """

    convention: Convention
    tolerances_mm: tuple[float, ...]
    percentiles: tuple[float, ...]
    empty: EmptyPolicy

    def tolerance_suffixes(self) -> list[tuple[str, float]]:
        """Return (column suffix, tolerance): the first tolerance has no suffix."""
        return [("" if place == 0 else f"@{mm:g}mm", mm) for place, mm in enumerate(self.tolerances_mm)]

    def percentile_columns(self) -> list[tuple[str, float]]:
        """Return (column, percentile)."""
        return [(f"hd{percentile:g}", percentile) for percentile in self.percentiles]


def make_options(
    tolerance_mm: float | Sequence[float] = 2.0,
    percentile: float | Sequence[float] = _HD95,
    convention: str = "metrics-reloaded",
    empty: str = "infinite",
) -> Options:
    """Return the options, or raise ``ConfigError`` that names the bad one."""
    tolerances = _numbers("tolerance_mm", tolerance_mm)
    if not tolerances or not all(math.isfinite(value) and value >= 0 for value in tolerances):
        raise ConfigError(f"tolerance_mm is {tolerance_mm}; expected finite numbers of at least 0")
    percentiles = _numbers("percentile", percentile)
    if not all(0 <= value <= 100 for value in percentiles):
        raise ConfigError(f"percentile is {percentile}; expected numbers from 0 to 100")
    if convention not in get_args(Convention):
        raise ConfigError(f"convention is {convention!r}; expected one of {', '.join(get_args(Convention))}")
    if empty not in get_args(EmptyPolicy):
        raise ConfigError(f"empty is {empty!r}; expected one of {', '.join(get_args(EmptyPolicy))}")
    options = Options(
        convention,  # type: ignore[arg-type]
        tuple(dict.fromkeys(tolerances)),
        tuple(dict.fromkeys((_HD95, *percentiles))),
        empty,  # type: ignore[arg-type]
    )
    for name, columns in (("tolerance_mm", options.tolerance_suffixes()), ("percentile", options.percentile_columns())):
        if len(dict(columns)) < len(columns):
            raise ConfigError(f"{name} holds values that differ after the sixth digit only, which columns do not show")
    return options


def _numbers(name: str, value: Any) -> tuple[float, ...]:
    try:
        if isinstance(value, str):
            raise TypeError
        return tuple(float(item) for item in np.atleast_1d(np.asarray(value)))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} is {value!r}; expected a number or a sequence of numbers") from error
