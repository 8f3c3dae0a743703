"""CompareOptions: the definitions under which two masks are compared, checked once and carried whole.

The command line reads its choices here before anything is loaded: only the standard library is imported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from maskwright.engine.metrics.conventions import DEFAULT, Convention
from maskwright.engine.metrics.metric import FIRST_PERCENTILE
from maskwright.errors import ConfigError, InputError

if TYPE_CHECKING:
    from maskwright.engine.config import Preset

EmptyPolicy = Literal["infinite", "penalty"]


@dataclass(frozen=True)
class CompareOptions:
    """How two masks are compared: everything besides the masks that the numbers depend on.

    Attributes
    ----------
    tolerances_mm : tuple of float
        For surface Dice and boundary IoU; the first one names the columns ``nsd`` and ``boundary_iou``.
    percentiles : tuple of float
        Hausdorff percentiles; 95 is always the first of them.
    convention : {"metrics-reloaded", "medpy", "deepmind"}
        Which published definition of the surface metrics.
    empty : {"infinite", "penalty"}
        The distance where one mask is empty: infinity, or the diagonal of the reference grid.
    preset : Preset, optional
        Names and composes labels; without one every label in either mask is measured under its number.
    resample : bool
        Take a prediction on another grid onto the reference's by nearest neighbour, rather than refuse it.

    Raises
    ------
    ConfigError
        A field is wrong; the error names it.

    Examples
    --------
    >>> CompareOptions(tolerances_mm=(1, 3), percentiles=(90,)).percentiles
    (95.0, 90.0)
    """

    tolerances_mm: tuple[float, ...] = (2.0,)
    percentiles: tuple[float, ...] = (FIRST_PERCENTILE,)
    convention: Convention = DEFAULT
    empty: EmptyPolicy = "infinite"
    preset: Preset | None = None
    resample: bool = False

    def __post_init__(self) -> None:
        tolerances = _numbers("tolerance_mm", self.tolerances_mm)
        if not tolerances or not all(0 <= value < math.inf for value in tolerances):
            raise ConfigError(f"tolerance_mm is {self.tolerances_mm}; expected finite numbers of at least 0")
        percentiles = _numbers("percentile", self.percentiles)
        if not all(0 <= value <= 100 for value in percentiles):
            raise ConfigError(f"percentile is {self.percentiles}; expected numbers from 0 to 100")
        _require_choice("convention", self.convention, Convention)
        _require_choice("empty", self.empty, EmptyPolicy)
        if self.preset is not None:
            _check_preset(self.preset, self.convention)
        if not isinstance(self.resample, bool):
            raise ConfigError(f"resample is {self.resample!r}; expected True or False")
        object.__setattr__(self, "tolerances_mm", tuple(dict.fromkeys(tolerances)))
        object.__setattr__(self, "percentiles", tuple(dict.fromkeys((FIRST_PERCENTILE, *percentiles))))

    def content(self) -> dict[str, object]:
        """Return the options as plain values that JSON can hold, for a record of a run and for its resume key."""
        return asdict(self)


def make_options(
    options: CompareOptions | None = None,
    *,
    tolerance_mm: float | Sequence[float] | None = None,
    percentile: float | Sequence[float] | None = None,
    convention: Convention | None = None,
    empty: EmptyPolicy | None = None,
    preset: Preset | str | Path | None = None,
    resample: bool | None = None,
) -> CompareOptions:
    """Return ``options``, or those that the shorthand keywords make; None leaves a default.

    Parameters
    ----------
    options : CompareOptions, optional
        Not together with a keyword.
    tolerance_mm, percentile : float or sequence of float, optional
    convention, empty, resample
        As in ``CompareOptions``.
    preset : Preset, name or path, optional
        A name or a path is loaded by ``load_preset``.

    Raises
    ------
    InputError
        ``options`` and a keyword were both given.
    ConfigError
        A value is wrong.
    """
    values = {
        "tolerances_mm": tolerance_mm,
        "percentiles": percentile,
        "convention": convention,
        "empty": empty,
        "preset": preset,
        "resample": resample,
    }
    keywords: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    if options is not None:
        if not isinstance(options, CompareOptions):
            raise ConfigError(f"options is {options!r}; expected CompareOptions")
        if keywords:
            names = ", ".join(keywords)
            raise InputError(f"options and {names} were both given; expected one: put {names} into CompareOptions")
        return options
    if isinstance(preset, str | Path):
        from maskwright.engine.config import load_preset

        keywords["preset"] = load_preset(preset)
    return CompareOptions(**keywords)


def _check_preset(preset: Any, convention: Convention) -> None:
    from maskwright.engine.config import Preset

    if not isinstance(preset, Preset):
        raise ConfigError(f"preset is {preset!r}; expected a Preset: load_preset makes one of a name or a path")
    if any(spec.metrics for spec in preset.specs.values()):
        from maskwright.engine.metrics.table import metrics_of_spec

        for spec in preset.specs.values():
            metrics_of_spec(spec, convention)  # refuses a metric that is not in the table, before any case runs


def _numbers(name: str, value: Any) -> tuple[float, ...]:
    """Return one number or several (also as an array) as floats; -0.0 becomes 0.0."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    items = [plain] if isinstance(plain, int | float) else plain
    try:
        if isinstance(items, str) or any(isinstance(item, str) for item in items):
            raise TypeError
        return tuple(float(item) + 0.0 for item in items)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"{name} is {value!r}; expected a number or a sequence of numbers") from error


def _require_choice(name: str, value: object, choices: Any) -> None:
    if value not in get_args(choices):
        raise ConfigError(f"{name} is {value!r}; expected one of {', '.join(get_args(choices))}")
