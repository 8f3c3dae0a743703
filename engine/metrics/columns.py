"""The columns of results: one for each metric, or one for each tolerance or percentile of a metric.

A column is called by its metric's name. At a further tolerance or percentile the number stands in the name with all
its digits: ``nsd@3mm``, ``boundary_iou@0.5mm``, ``hd90``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from maskwright.engine.metrics.metric import Metric
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.metrics.table import METRICS, metrics_of_every_label, metrics_of_spec


@dataclass(frozen=True)
class Column:
    """A column: its name, its metric, and the tolerance in mm or the percentile where the metric has one."""

    name: str
    metric: Metric
    parameter: float | None = None


def columns_of(metrics: Iterable[Metric], options: CompareOptions) -> list[Column]:
    """Return the columns of metrics, in their order."""
    columns = []
    for metric in metrics:
        if metric.parameter is None:
            columns.append(Column(metric.name, metric))
        elif metric.parameter == "tolerance_mm":
            names = [metric.name, *map(metric.column, options.tolerances_mm[1:])]
            columns += [Column(name, metric, mm) for name, mm in zip(names, options.tolerances_mm)]
        else:
            columns += [Column(metric.column(percentile), metric, percentile) for percentile in options.percentiles]
    return columns


def columns_by_label(options: CompareOptions) -> dict[int, list[Column]]:
    """Return the columns of each label and region of the preset; none without a preset."""
    specs = options.preset.specs if options.preset else {}
    return {label: columns_of(metrics_of_spec(spec, options.convention), options) for label, spec in specs.items()}


def columns_of_every_label(options: CompareOptions) -> list[Column]:
    """Return the columns of a label without a preset."""
    return columns_of(metrics_of_every_label(options.convention), options)


def metric_columns(options: CompareOptions) -> list[str]:
    """Return the names of all columns under these options, in table order."""
    by_label = columns_by_label(options).values()
    columns = [column for columns in by_label for column in columns] if by_label else columns_of_every_label(options)
    return in_table_order({column.name for column in columns})


def absent_values(options: CompareOptions) -> dict[str, float | None]:
    """Return the values, by column, of a label that only other cases hold.

    None with a preset, whose labels are measured in every case.
    """
    if options.preset is not None:
        return {}
    return {
        column.name: column.metric.both_empty if column.metric.function(options.convention) else None
        for column in columns_of_every_label(options)
    }


def metric_of(column: str) -> Metric:
    """Return the metric of a column.

    Raises
    ------
    KeyError
        There is no such column.

    Examples
    --------
    >>> metric_of("nsd@3mm").title, metric_of("hd90").title
    ('Surface Dice', 'HD95')
    """
    return _parse(column)[0]


def is_metric_column(name: str) -> bool:
    """Return whether results can have a metric column of this name.

    Examples
    --------
    >>> is_metric_column("hd99.5"), is_metric_column("nsd@thin"), is_metric_column("hospital")
    (True, False, False)
    """
    try:
        _parse(name)
    except KeyError:
        return False
    return True


def in_table_order(columns: Iterable[str]) -> list[str]:
    """Return columns in the order of the table; those of one metric by their number, and its own name before them."""
    positions = {name: position for position, name in enumerate(METRICS)}

    def rank(column: str) -> tuple[int, float]:
        metric, number = _parse(column)
        return positions[metric.name], -math.inf if number is None else number

    return sorted(columns, key=rank)


def _parse(column: str) -> tuple[Metric, float | None]:
    """Return the metric of a column, and the tolerance or percentile that stands in its name behind the metric's."""
    if column in METRICS:
        return METRICS[column], None
    for metric in METRICS.values():
        number = metric.number_in(column)
        if number is not None:
            return metric, number
    raise KeyError(column)
