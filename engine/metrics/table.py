"""The table of all metrics, in the order of the columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from maskwright.engine.config.preset import LabelSpec, Region
from maskwright.engine.metrics.conventions import DEFAULT, Convention
from maskwright.engine.metrics.families import centreline, instances, overlap, surface
from maskwright.engine.metrics.metric import Metric
from maskwright.errors import ConfigError

_OTHER_COLUMNS = ("label", "reference_voxels", "prediction_voxels")


def make_table(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Return metrics by name.

    Raises
    ------
    TypeError
        A name is that of another metric, of one of its columns, or of a column that is no metric.
    """
    table: dict[str, Metric] = {}
    for metric in metrics:
        if metric.name in table or metric.name in _OTHER_COLUMNS:
            raise TypeError(f"there is a column {metric.name!r} already; expected another name for the metric")
        table[metric.name] = metric
    for name, other in itertools.permutations(table, 2):
        if table[other].number_in(name) is not None:
            raise TypeError(f"metric {name!r} is called as a column of {other!r}; expected another name")
    return table


METRICS = make_table((*overlap.METRICS, *surface.METRICS, *centreline.METRICS, *instances.METRICS))


def metrics_of_every_label(convention: Convention) -> list[Metric]:
    """Return the metrics that need no preset: those of the default convention, and those of this one besides.

    A metric of the default convention that this one does not define has a column all the same: its value is None.
    """
    return [
        metric
        for metric in METRICS.values()
        if not metric.by_preset and (metric.function(DEFAULT) or metric.function(convention))
    ]


def metrics_of_spec(spec: LabelSpec | Region, convention: Convention) -> list[Metric]:
    """Return the metrics of a label or region of a preset, in table order.

    They are those that it lists, or those of every label; clDice too where it is tubular, and the metrics of instances
    where it is made of instances.

    Raises
    ------
    ConfigError
        It lists a metric that is not in the table.
    """
    listed = spec.metrics or [metric.name for metric in metrics_of_every_label(convention)]
    if unknown := [name for name in listed if name not in METRICS]:
        raise ConfigError(f"{spec.name!r} lists the metric {unknown[0]!r}; expected some of {', '.join(METRICS)}")
    return [
        metric
        for name, metric in METRICS.items()
        if name in listed or (spec.tubular and name == "cldice") or (spec.instances and metric.needs == "instances")
    ]
