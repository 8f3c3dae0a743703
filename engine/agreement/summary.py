"""Summaries of a table of results by label and metric, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from maskwright.engine.agreement.bootstrap import LEVEL, RESAMPLES, SEED, Statistic, cluster_interval
from maskwright.engine.metrics.columns import metric_of

METHOD = (
    f"{LEVEL:.0%} percentile bootstrap, {RESAMPLES} resamples of whole patients with all their cases "
    f"(a case without a patient stands for itself), seed {SEED}"
)


@dataclass(frozen=True)
class MetricSummary:
    """One metric of one label over all cases.

    Attributes
    ----------
    column : str
        The metric's column.
    values, infinite, undefined : int
        How many numbers there are, how many of them are infinite, and how many cases have none because of empty masks.
    statistic : {"mean", "median"}
        The headline: the median of a distance, the mean of anything else.
    value : float or None
        The headline; None where there is no number.
    interval : tuple of float, optional
        Its 95 % interval; None with fewer than two clusters.
    clusters : int
        Patients, or cases where no patient is given, that have a number.
    mean : float or None
        None for a distance with an infinite value: no such mean exists.
    median, lower_quartile, upper_quartile, lowest, highest : float or None
        Infinities ranked last.
    """

    column: str
    values: int
    infinite: int
    undefined: int
    statistic: Statistic
    value: float | None
    interval: tuple[float, float] | None
    clusters: int
    mean: float | None
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None
    lowest: float | None
    highest: float | None


@dataclass(frozen=True)
class LabelSummary:
    """One label over all cases: its statuses and its metrics."""

    label: int
    name: str
    cases: int
    present: int
    absent: int
    reference_empty: int
    prediction_empty: int
    failed: int
    metrics: tuple[MetricSummary, ...]

    def metric(self, column: str) -> MetricSummary | None:
        """Return the summary of one metric, or None where it was not measured."""
        return next((metric for metric in self.metrics if metric.column == column), None)


@dataclass(frozen=True)
class Summary:
    """All labels, and the method of the intervals."""

    cases: int
    failed: int
    patients: int | None
    method: str
    labels: tuple[LabelSummary, ...]

    def to_plain(self) -> dict[str, object]:
        """Return nested lists and dictionaries for JSON, infinities as the text ``inf``, no number as null."""
        plain = asdict(self)
        for label in plain["labels"]:
            label["metrics"] = {metric.pop("column"): metric for metric in label["metrics"]}
        plain["labels"] = {str(label.pop("label")): label for label in plain["labels"]}
        return _plain(plain)  # type: ignore[return-value]


def summarise(results: pl.DataFrame, columns: Sequence[str], *, penalty: bool = False) -> Summary:
    """Summarise a table of results.

    Parameters
    ----------
    results : polars.DataFrame
        Columns ``case``, ``patient`` (may be null), ``label`` (null in the row of a failed case), ``label_name``,
        ``status`` and the metric columns.
    columns : sequence of str
        The metric columns, in the order wanted.
    penalty : bool
        Whether the distances of a one-sided empty mask are the image diagonal; then they have a mean.
    """
    failed = results.filter(pl.col("status") == "failed")["case"].n_unique()
    clusters = results.with_columns(cluster=_cluster()).with_columns(pl.col("cluster").rank("dense"))
    measured = clusters.filter(pl.col("label").is_not_null())
    labels = [
        _label(group, columns, failed, penalty=penalty) for _, group in measured.group_by("label", maintain_order=True)
    ]
    patients = results["patient"].drop_nulls().n_unique() if results["patient"].null_count() < len(results) else None
    return Summary(results["case"].n_unique(), failed, patients, METHOD, tuple(labels))


def summarise_column(values: pl.Series, clusters: pl.Series, *, penalty: bool = False) -> MetricSummary:
    """Summarise one metric column; ``clusters`` holds the number of each value's patient."""
    everything = values.cast(pl.Float64).fill_null(math.nan).to_numpy()
    known = ~np.isnan(everything)
    numbers, codes = everything[known], clusters.to_numpy()[known].astype(np.intp)
    infinite = int(np.isinf(numbers).sum())
    is_distance = metric_of(values.name).is_distance
    statistic: Statistic = "median" if is_distance else "mean"
    lowest, lower, median, upper, highest = (ranked_quantile(numbers, share) for share in (0, 0.25, 0.5, 0.75, 1))
    mean = float(numbers.mean()) if len(numbers) and not infinite and (penalty or not is_distance) else None
    return MetricSummary(
        column=values.name,
        values=len(numbers),
        infinite=infinite,
        undefined=int((~known).sum()),
        statistic=statistic,
        value=median if is_distance else mean,
        interval=cluster_interval(numbers, codes, statistic),
        clusters=len(np.unique(codes)),
        mean=mean,
        median=median,
        lower_quartile=lower,
        upper_quartile=upper,
        lowest=lowest,
        highest=highest,
    )


def ranked_quantile(values: NDArray[np.float64], share: float) -> float | None:
    """Return a quantile by linear interpolation, infinities ranked last; None where there are no values.

    A quantile that falls between a number and infinity is infinite.

    Examples
    --------
    >>> ranked_quantile(np.array([3.0, 1.0, np.inf]), 0.5), ranked_quantile(np.array([3.0, 1.0, np.inf]), 0.75)
    (3.0, inf)
    """
    if not len(values):
        return None
    ranked = np.sort(values)
    position = share * (len(ranked) - 1)
    below, part = int(position), position - int(position)
    if part == 0:
        return float(ranked[below])
    if math.isinf(ranked[below + 1]):
        return float(ranked[below + 1])
    return float(ranked[below] + part * (ranked[below + 1] - ranked[below]))


def _cluster() -> pl.Expr:
    return (
        pl.when(pl.col("patient").is_null())
        .then(pl.lit("case ") + pl.col("case"))
        .otherwise(pl.lit("patient ") + pl.col("patient"))
    )


def _label(group: pl.DataFrame, columns: Sequence[str], failed: int, *, penalty: bool) -> LabelSummary:
    counts = dict(group["status"].value_counts().iter_rows())
    metrics = (
        summarise_column(group[column], group["cluster"], penalty=penalty)
        for column in columns
        if group[column].null_count() < len(group)
    )
    return LabelSummary(
        label=group["label"][0],
        name=group["label_name"][0],
        cases=len(group),
        present=counts.get("present", 0),
        absent=counts.get("absent", 0),
        reference_empty=counts.get("reference_empty", 0),
        prediction_empty=counts.get("prediction_empty", 0),
        failed=failed,
        metrics=tuple(metrics),
    )


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
