"""What a run measures and how: everything besides the files that a result depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from maskwright.engine.config.preset import Preset
from maskwright.kernels.errors import ConfigError

CONVENTIONS = ("metrics-reloaded", "medpy", "deepmind")
EMPTY_POLICIES = ("infinite", "penalty")


@dataclass(frozen=True)
class Options:
    """The settings of a run; see ``compare`` for each.

    Attributes
    ----------
    tolerances_mm, percentiles : tuple of float
        ``nsd`` and ``boundary_iou`` are at the first tolerance.
    convention, empty : str
        Names as in ``compare``.
    preset : Preset, optional
        Names and composes labels; without one every label in the files is measured under its number.
    resample : bool
        Take a prediction on another grid onto the reference's by nearest neighbour, rather than refuse it.
    """

    tolerances_mm: tuple[float, ...] = (2.0,)
    percentiles: tuple[float, ...] = (95.0,)
    convention: str = "metrics-reloaded"
    empty: Literal["infinite", "penalty"] = "infinite"
    preset: Preset | None = None
    resample: bool = False

    def __post_init__(self) -> None:
        if not self.tolerances_mm or not all(0 <= tolerance < math.inf for tolerance in self.tolerances_mm):
            raise ConfigError(f"tolerance_mm: expected numbers >= 0, got {list(self.tolerances_mm)}")
        if not self.percentiles or not all(0 <= percentile <= 100 for percentile in self.percentiles):
            raise ConfigError(f"percentile: expected numbers from 0 to 100, got {list(self.percentiles)}")
        _one_of("convention", self.convention, CONVENTIONS)
        _one_of("empty", self.empty, EMPTY_POLICIES)

    def content(self) -> dict[str, object]:
        """Return the settings as plain values that JSON can hold."""
        return {
            "tolerances_mm": list(self.tolerances_mm),
            "percentiles": list(self.percentiles),
            "convention": self.convention,
            "empty": self.empty,
            "preset": self.preset.content() if self.preset else None,
            "resample": self.resample,
        }


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{what}: expected one of {', '.join(allowed)}, got {value!r}")
