"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from maskwright.engine.config import shipped_presets
from maskwright.engine.metrics.options import CompareOptions, Convention, EmptyPolicy
from maskwright.errors import ConfigError


@dataclass(frozen=True)
class Asked:
    """Two tags of a datastore and how their labels are compared; see ``engine.qa.run.qa`` for the options."""

    reference_tag: str
    prediction_tag: str
    tolerance_mm: tuple[float, ...] = (2.0,)
    convention: Convention = "metrics-reloaded"
    preset: str | None = None
    empty: EmptyPolicy = "infinite"

    def check(self) -> None:
        """Check the options; the tags are checked where labels are looked for.

        Raises
        ------
        InputError
            An option is not right, or the preset is none of the shipped ones: a path is none.
        """
        CompareOptions(self.tolerance_mm, convention=self.convention, empty=self.empty)
        if self.preset is not None and self.preset not in shipped_presets():
            raise ConfigError(f"preset: expected one of {', '.join(shipped_presets())}, got another name")
