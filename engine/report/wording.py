"""How columns and numbers are written for readers, in the report and on the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from maskwright.engine.metrics.columns import metric_of

HEADLINES = (
    "dice",
    "nsd",
    "hd95",
    "assd",
    "assd_reference_to_prediction",
    "assd_prediction_to_reference",
    "volume_difference_ml",
    "cldice",
    "instance_f1",
)
"""The metrics a reader looks at first, where they were measured."""


def headline_columns(columns: Sequence[str]) -> list[str]:
    """Return the columns that a reader looks at first, or all where a preset lists none of them.

    Examples
    --------
    >>> headline_columns(["iou", "nsd", "dice"]), headline_columns(["iou"])
    (['dice', 'nsd'], ['iou'])
    """
    return [column for column in HEADLINES if column in columns] or list(columns)


def column_title(column: str, tolerance_mm: float) -> str:
    """Return the title of a result column; ``tolerance_mm`` is the first tolerance.

    Examples
    --------
    >>> column_title("nsd", 2.0), column_title("boundary_iou@0.5mm", 2.0), column_title("hd90", 2.0)
    ('Surface Dice at 2 mm', 'Boundary IoU at 0.5 mm', 'HD90')
    """
    metric = metric_of(column)
    if metric.parameter == "tolerance_mm":
        tolerance = column.split("@")[1].removesuffix("mm") if "@" in column else f"{tolerance_mm:g}"
        return f"{metric.title} at {tolerance} mm"
    return metric.title if column == metric.name else f"HD{column.removeprefix('hd')}"


def column_unit(column: str) -> str:
    """Return the unit as it stands behind a title: ``mm``, ``mL``, or nothing."""
    unit = metric_of(column).unit
    return "" if unit == "count" else unit


def number_text(value: float | None, column: str) -> str:
    """Return a number with the decimals that its metric deserves; a dash where there is none.

    Examples
    --------
    >>> number_text(0.91234, "dice"), number_text(1.5, "hd95"), number_text(math.inf, "hd95"), number_text(None, "nsd")
    ('0.912', '1.50', '∞', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    metric = metric_of(column)
    if metric.unit == "count" and value == int(value):
        return f"{value:.0f}"
    text = f"{value:.3f}" if metric.unit == "" else f"{value:.2f}"
    return text.replace("-", "−")


def interval_text(interval: tuple[float, float] | None, column: str) -> str:
    """Return ``0.88 to 0.94``, or nothing where there is no interval."""
    if interval is None:
        return ""
    return f"{number_text(interval[0], column)} to {number_text(interval[1], column)}"
