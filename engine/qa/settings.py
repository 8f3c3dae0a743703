"""What a run measures and how: everything besides the files that a result depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from maskwright.engine.config.preset import Preset
from maskwright.engine.metrics.options import CompareOptions


@dataclass(frozen=True)
class Settings:
    """The settings of a run.

    Attributes
    ----------
    metrics : CompareOptions
        Tolerances, percentiles, convention and the rule for empty masks.
    preset : Preset, optional
        Names and composes labels; without one every label in the files is measured under its number.
    resample : bool
        Take a prediction on another grid onto the reference's by nearest neighbour, rather than refuse it.
    """

    metrics: CompareOptions = field(default_factory=CompareOptions)
    preset: Preset | None = None
    resample: bool = False

    @property
    def penalty(self) -> bool:
        """Whether the image diagonal stands for the distance to an empty mask."""
        return self.metrics.empty == "penalty"

    def content(self) -> dict[str, object]:
        """Return the settings as plain values that JSON can hold."""
        return {
            **asdict(self.metrics),
            "preset": self.preset.content() if self.preset else None,
            "resample": self.resample,
        }
