"""Tables on the terminal: a comparison, and the headline of a summary. Plain columns where output is piped."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from maskwright.engine.report.wording import column_title, column_unit, headline_columns, interval_text, number_text

if TYPE_CHECKING:  # loading polars would double the time a small comparison takes
    from maskwright.engine.agreement.summary import Summary
    from maskwright.engine.metrics.comparison import Comparison

MOST_LABELS_ACROSS = 4
"""With more labels they run down, with the headline metrics across."""


def print_comparison(comparison: Comparison, names: Mapping[int, str], tolerance_mm: float) -> None:
    """Print a comparison for a reader; labels without a name are shown by their number."""
    spacing = " x ".join(f"{step:g}" for step in comparison.spacing_mm)
    title = f"{comparison.convention}, spacing {spacing} mm"
    labels = {label: names.get(label, f"label {label}") for label in comparison.labels}
    if not labels:
        print(f"{title}: no label in either mask")
        return
    if len(labels) <= MOST_LABELS_ACROSS:
        header = ["", *labels.values()]
        rows = [
            [_title(column, tolerance_mm), *(_number(comparison, label, column) for label in labels)]
            for column in comparison.columns
        ]
    else:
        columns = headline_columns(comparison.columns)
        header = ["", *(_title(column, tolerance_mm) for column in columns)]
        rows = [[name, *(_number(comparison, label, column) for column in columns)] for label, name in labels.items()]
    _print_table(title, header, [*rows, *_voxels(comparison, labels, len(header))])


def print_headline(summary: Summary, tolerance_mm: float) -> None:
    """Print the headline of a summary: each label's metrics with their intervals."""
    if not summary.labels:
        print("no label was measured")
        return
    columns = headline_columns(
        list(dict.fromkeys(metric.column for label in summary.labels for metric in label.metrics))
    )
    rows = []
    for label in summary.labels:
        cells = [label.name]
        for column in columns:
            metric = label.metric(column)
            interval = interval_text(metric.interval, column) if metric else ""
            cells.append(number_text(metric.value if metric else None, column) + (f" ({interval})" if interval else ""))
        empty = label.reference_empty + label.prediction_empty
        rows.append([*cells, str(label.present), str(empty), str(label.absent)])
    header = ["", *(_title(column, tolerance_mm) for column in columns), "both sides", "one side", "neither"]
    _print_table("mean, or median of distances, with its 95 % interval", header, rows)


def _title(column: str, tolerance_mm: float) -> str:
    unit = column_unit(column)
    return column_title(column, tolerance_mm) + (f" [{unit}]" if unit else "")


def _number(comparison: Comparison, label: int, column: str) -> str:
    return number_text(comparison.labels[label].values.get(column), column)


def _voxels(comparison: Comparison, labels: Mapping[int, str], width: int) -> list[list[str]]:
    """Return two more rows where labels run across."""
    if len(labels) != width - 1:
        return []
    metrics = [comparison.labels[label] for label in labels]
    return [
        ["Reference voxels", *(str(label.reference_voxels) for label in metrics)],
        ["Prediction voxels", *(str(label.prediction_voxels) for label in metrics)],
    ]


def _print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(header, *rows)]
        print(title)
        for row in [header, *rows]:
            cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
            print("  ".join(cells).rstrip())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, style="dim"), box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column(header[0])
    for name in header[1:]:
        table.add_column(Text(name), justify="right")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
