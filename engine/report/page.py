"""The report: one HTML file with everything inside it. It asks for nothing from anywhere and runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from markupsafe import Markup
from numpy.typing import NDArray

from maskwright.engine.agreement.groups import group_tables
from maskwright.engine.agreement.summary import Summary
from maskwright.engine.metrics.columns import metric_of
from maskwright.engine.report.chart import ChartRow, draw_chart
from maskwright.engine.report.picture import Picture
from maskwright.engine.report.wording import column_title, column_unit, headline_columns, interval_text, number_text

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class WorstCase:
    """A case shown with a picture.

    Attributes
    ----------
    row : dict
        Its row of the table of results.
    picture : Picture or None
        None where it could not be drawn.
    """

    row: dict[str, object]
    picture: Picture | None


@dataclass(frozen=True)
class ReportContent:
    """The content of the page.

    Attributes
    ----------
    title : str
        The heading.
    results : polars.DataFrame
        The table of results.
    metric_columns, metadata_columns : sequence of str
        Columns of the results.
    summary : Summary
        The summary of the results.
    worst : sequence of WorstCase
        Worst first.
    tolerance_mm : float
        The first tolerance.
    penalty : bool
        Whether one-sided empty masks got the image diagonal as distance.
    run : sequence of (str, str)
        Names and values of the options and versions.
    """

    title: str
    results: pl.DataFrame
    metric_columns: Sequence[str]
    metadata_columns: Sequence[str]
    summary: Summary
    worst: Sequence[WorstCase]
    tolerance_mm: float
    penalty: bool
    run: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Chart:
    """A drawn chart; the first charts are open, the others folded."""

    title: str
    unit: str
    better: str
    svg: Markup
    first: bool


def render_report(content: ReportContent) -> str:
    """Return the page as HTML. Every name and value is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    measured = [column for column in content.metric_columns if _is_measured(column, content.summary)]
    headlines = headline_columns(measured)
    labels = content.summary.labels
    return environment.get_template("report.html.j2").render(
        content=content,
        summary=content.summary,
        css=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        headlines=headlines,
        charts=_charts(content, measured, headlines),
        groups=group_tables(content.results, content.metadata_columns, headlines, penalty=content.penalty),
        failed=content.results.filter(status="failed").select("case", "reason").rows(),
        definitions=list({metric_of(column).name: metric_of(column) for column in measured}.values()),
        title_of=lambda column: column_title(column, content.tolerance_mm),
        unit_of=column_unit,
        number=number_text,
        interval=interval_text,
        svg=lambda picture: Markup(picture.svg),
        infinite=_infinite_rows(content.results, measured),
        one_empty=sum(label.reference_empty + label.prediction_empty for label in labels),
        absent=sum(label.absent for label in labels),
        has_intervals=any(metric.interval for label in labels for metric in label.metrics),
    )


def _is_measured(column: str, summary: Summary) -> bool:
    return any(label.metric(column) is not None for label in summary.labels)


def _charts(content: ReportContent, measured: Sequence[str], headlines: Sequence[str]) -> list[Chart]:
    charts = []
    for column in [*headlines, *(column for column in measured if column not in headlines)]:
        rows = [ChartRow(label.name, _values(content.results, label.label, column)) for label in content.summary.labels]
        title, metric = column_title(column, content.tolerance_mm), metric_of(column)
        svg = draw_chart(column, title, [row for row in rows if len(row.values)])
        charts.append(Chart(title, column_unit(column), metric.better, svg, column in headlines[:4]))
    return charts


def _values(results: pl.DataFrame, label: int, column: str) -> NDArray[np.float64]:
    return results.filter(label=label)[column].drop_nulls().drop_nans().to_numpy()


def _infinite_rows(results: pl.DataFrame, measured: Sequence[str]) -> int:
    """Return how many labels of cases have an infinite distance."""
    return results.filter(
        pl.any_horizontal(pl.lit(value=False), *(pl.col(name).is_infinite() for name in measured))
    ).height
