"""Metric: the record of one metric, with the function that works it out.

Words: A is the reference mask of one label, B the prediction; TP, FP, FN, TN count voxels; S(A) is the surface of A:
its voxels with a face neighbour (6 in 3-D, 4 in 2-D) outside A, where the image edge counts as outside; d(p, S) is
the Euclidean distance in mm from p to the nearest voxel of S. A definition of a surface metric is the one of the
default convention; see ``conventions.py`` for the others. A volume of a 2-D image takes its pixels as 1 mm thick.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from maskwright.engine.metrics.conventions import CONVENTIONS, Convention

Direction = Literal["higher", "lower", "zero"]
Need = Literal["counts", "distances", "boundaries", "masks", "instances"]
Parameter = Literal["tolerance_mm", "percentile"]
Status = Literal["present", "absent", "reference_empty", "prediction_empty"]
Function = Callable[..., float]

NAN, INF = math.nan, math.inf
FIRST_PERCENTILE = 95.0
"""The percentile of the column that is called as its metric, whose name ends in it."""

REINKE = "Maier-Hein, Reinke et al., Metrics reloaded, Nature Methods 2024"
TAHA = "Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 2015"
NIKOLOV = "Nikolov et al., Clinically applicable segmentation of head and neck anatomy, JMIR 2021"

_BY_PRESET: tuple[Need, ...] = ("masks", "instances")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: its meaning, its function, and its value where a mask is empty.

    Attributes
    ----------
    name, title : str
        The name of its column, and how a reader calls it.
    definition, source : str
    needs : {"counts", "distances", "boundaries", "masks", "instances"}
        The input of its function: an attribute of ``LabelInputs``. A metric that needs masks or instances is measured
        only where a preset asks for it.
    functions : mapping of convention to function
        Each takes the input of one label, and the parameter if there is one, and returns the value. A convention that
        does not define the metric is not in the mapping.
    both_empty, reference_empty, prediction_empty : float or None
        The value where both masks, only the reference or only the prediction hold no voxel; None for the function's.
        An infinite distance becomes the diagonal of the grid under ``empty="penalty"``.
    parameter : {"tolerance_mm", "percentile"}, optional
        The metric has a column for each value of this option. The name of one with percentiles ends in the first, 95.
    percentiles : tuple of float
        Percentiles of the distances that its function reads, besides those of the options; from 0 to 100.
    unit : str
    better : {"higher", "lower", "zero"}
        Whether a higher value is better, a lower one, or one closer to zero.
    lowest, highest : float
        The range.

    Raises
    ------
    TypeError
        No function, a function that cannot be called or of an unknown convention; no value for a label that neither
        mask holds, in a metric of every label; or none for an empty mask where the input needs voxels on both sides.
        Percentiles of no distances, or none in the name of a metric that has a column for each.
    """

    name: str
    title: str
    definition: str
    source: str
    needs: Need
    functions: Mapping[Convention, Function] = field(default_factory=dict)
    both_empty: float | None
    reference_empty: float | None
    prediction_empty: float | None
    parameter: Parameter | None = None
    percentiles: tuple[float, ...] = ()
    unit: str = ""
    better: Direction = "higher"
    lowest: float = 0.0
    highest: float = 1.0

    def __post_init__(self) -> None:
        functions = self.functions.values() if isinstance(self.functions, Mapping) else ()
        if not functions or not all(map(callable, functions)):
            raise TypeError(f"metric {self.name!r} has no function; expected one for each convention that defines it")
        if self.needs not in get_args(Need):
            raise TypeError(f"metric {self.name!r} needs {self.needs!r}; expected one of {', '.join(get_args(Need))}")
        if unknown := self.functions.keys() - set(CONVENTIONS):
            raise TypeError(f"metric {self.name!r} has a function of {unknown.pop()!r}; expected {CONVENTIONS}")
        rules = {"both_empty": self.both_empty}
        if self.needs in ("distances", "boundaries"):
            rules |= {"reference_empty": self.reference_empty, "prediction_empty": self.prediction_empty}
        if not self.by_preset and None in rules.values():
            raise TypeError(f"metric {self.name!r} needs {self.needs}; expected a value for {', '.join(rules)}")
        if self.percentiles and (self.needs != "distances" or not all(0 <= each <= 100 for each in self.percentiles)):
            raise TypeError(f"metric {self.name!r} has percentiles; expected numbers from 0 to 100, of distances")
        if self.parameter == "percentile" and not self.name.endswith(number_name(FIRST_PERCENTILE)):
            raise TypeError(f"metric {self.name!r} has a column a percentile; expected a name that ends in 95")

    @property
    def is_distance(self) -> bool:
        """Whether it may be infinite where a mask is empty, so that a summary ranks its values."""
        return self.unit == "mm"

    @property
    def by_preset(self) -> bool:
        """Whether it is measured only where a preset asks for it."""
        return self.needs in _BY_PRESET

    def column(self, number: float) -> str:
        """Return the name of its column at a percentile, or at a further tolerance in mm."""
        return f"{self._stem}{number_name(number)}{self._unit_in_column}"

    def number_in(self, column: str) -> float | None:
        """Return the percentile or tolerance that a column of this metric has in its name; None of any other name."""
        has_number = self.parameter and column.startswith(self._stem) and column.endswith(self._unit_in_column)
        if not has_number:
            return None
        try:
            return float(column.removeprefix(self._stem).removesuffix(self._unit_in_column))
        except ValueError:
            return None

    @property
    def _stem(self) -> str:
        """The name of its columns before their number."""
        if self.parameter == "percentile":
            return self.name.removesuffix(number_name(FIRST_PERCENTILE))
        return f"{self.name}@"

    @property
    def _unit_in_column(self) -> str:
        return "" if self.parameter == "percentile" else "mm"

    def function(self, convention: Convention) -> Function | None:
        """Return its function under a convention; None where the convention does not define it."""
        return self.functions.get(convention)

    def empty_value(self, status: Status) -> float | None:
        """Return the value that its empty rule gives; None where the function gives it."""
        if status == "present":
            return None
        if status == "absent":
            return self.both_empty
        return self.reference_empty if status == "reference_empty" else self.prediction_empty


def number_name(number: float) -> str:
    """Return a number with all its digits, so that no two numbers share a column."""
    return repr(number).removesuffix(".0")


def in_every_convention(function: Function) -> dict[Convention, Function]:
    """Return the functions of a metric that the conventions define alike."""
    return dict.fromkeys(CONVENTIONS, function)
