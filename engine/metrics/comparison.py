"""The result of a comparison: the numbers of each label."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskwright.engine.metrics.columns import in_table_order
from maskwright.engine.metrics.metric import Status

if TYPE_CHECKING:
    import polars as pl


def status_of(reference_voxels: int, prediction_voxels: int) -> Status:
    """Return which of two masks hold a label, from their voxel counts."""
    if reference_voxels and prediction_voxels:
        return "present"
    if reference_voxels:
        return "prediction_empty"
    return "reference_empty" if prediction_voxels else "absent"


@dataclass(frozen=True)
class LabelMetrics:
    """The numbers of one label.

    Attributes
    ----------
    values : mapping of column to number
        NaN where a metric is undefined because a mask is empty, infinity for the distance to an empty mask, None where
        the convention does not define the metric. Each is also an attribute: ``metrics.hd95``. Metrics that the label's
        preset does not list are missing.
    reference_voxels, prediction_voxels : int
    """

    values: Mapping[str, float | None]
    reference_voxels: int
    prediction_voxels: int

    @property
    def status(self) -> Status:
        """Which of the two masks hold the label."""
        return status_of(self.reference_voxels, self.prediction_voxels)

    def __getattr__(self, name: str) -> float | None:
        """Return a metric by its column name."""
        values = self.__dict__.get("values", {})
        if name in values:
            number: float | None = values[name]
            return number
        raise AttributeError(f"no metric {name!r}; expected one of {', '.join(values)}")


@dataclass(frozen=True)
class Comparison:
    """The agreement of a reference and a prediction, label by label.

    Attributes
    ----------
    spacing_mm : tuple of float
        In array-axis order.
    convention : str
    labels : dict of int to LabelMetrics
        Ascending; with a preset, also its regions under their numbers.
    left_out : mapping of str to int
        ``voxels_outside_grid``: the labelled voxels of a resampled prediction outside the reference's grid.
    """

    spacing_mm: tuple[float, ...]
    convention: str
    labels: dict[int, LabelMetrics]
    left_out: Mapping[str, int]

    @property
    def columns(self) -> list[str]:
        """The metric columns of all labels, in table order."""
        return in_table_order({column for metrics in self.labels.values() for column in metrics.values})

    def to_polars(self) -> pl.DataFrame:
        """Return one row a label: label, reference_voxels, prediction_voxels, and one column a metric."""
        import polars as pl

        columns = self.columns
        rows = [
            (label, metrics.reference_voxels, metrics.prediction_voxels, *map(metrics.values.get, columns))
            for label, metrics in self.labels.items()
        ]
        schema = {"label": pl.Int64, "reference_voxels": pl.Int64, "prediction_voxels": pl.Int64}
        return pl.DataFrame(rows, schema=schema | dict.fromkeys(columns, pl.Float64), orient="row")

    def to_json(self) -> str:
        """Return the comparison as JSON; infinity and NaN are the strings "inf" and "nan", undefined is null."""
        labels = {
            str(label): {name: _plain(value) for name, value in metrics.values.items()}
            | {"reference_voxels": metrics.reference_voxels, "prediction_voxels": metrics.prediction_voxels}
            for label, metrics in self.labels.items()
        }
        content = {
            "spacing_mm": list(self.spacing_mm),
            "convention": self.convention,
            "labels": labels,
            "left_out": dict(self.left_out),
        }
        return json.dumps(content, indent=2, allow_nan=False)


def _plain(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
