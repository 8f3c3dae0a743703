"""The columns of a comparison: which metrics a convention gives, in table order, and what they are for empty masks."""

from __future__ import annotations

import math

from maskwright.engine.metrics.comparison import Status
from maskwright.engine.metrics.options import CompareOptions, Convention
from maskwright.engine.metrics.table import METRICS, metric_of

# Metrics between two surfaces that a convention does not have at all, or names without defining them.
_LEFT_OUT: dict[Convention, tuple[str, ...]] = {
    "metrics-reloaded": ("assd_reference_to_prediction", "assd_prediction_to_reference"),
    "medpy": ("assd_reference_to_prediction", "assd_prediction_to_reference"),
    "deepmind": ("assd", "masd", "boundary_iou"),
}
_UNDEFINED: dict[Convention, tuple[str, ...]] = {
    "metrics-reloaded": (),
    "medpy": ("nsd", "boundary_iou"),
    "deepmind": (),
}


def metric_columns(options: CompareOptions) -> list[str]:
    """Return the columns every label has under these options, in the order of the table."""
    columns: list[str] = []
    for name, metric in METRICS.items():
        if metric.kind in ("centreline", "instance") or name in _LEFT_OUT[options.convention]:
            continue
        if name == "hd95":
            columns += [column for column, _ in options.percentile_columns()]
        elif metric.kind == "boundary":
            columns += [name + suffix for suffix, _ in options.tolerance_suffixes()]
        else:
            columns.append(name)
    return columns


def empty_values(status: Status, columns: list[str], options: CompareOptions, far_mm: float) -> dict[str, float | None]:
    """Return the columns that the empty rule of the table decides; ``far_mm`` stands for the infinite distance."""
    values: dict[str, float | None] = {}
    if status == "present":
        return values
    for column in columns:
        metric = metric_of(column)
        rule = {
            "absent": metric.both_empty,
            "reference_empty": metric.reference_empty,
            "prediction_empty": metric.prediction_empty,
        }[status]
        if column.split("@")[0] in _UNDEFINED[options.convention]:
            values[column] = None
        elif rule is not None:
            values[column] = far_mm if math.isinf(rule) else rule
    return values
