"""The table of results: every case times every label, in the order of the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from maskwright.engine.jobs.job import JobResults
from maskwright.engine.metrics.columns import absent_values, in_table_order, metric_columns
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.qa.columns import CASE_COLUMNS, LABEL_COLUMNS
from maskwright.engine.qa.manifest import Manifest

_CASE = ("case", *CASE_COLUMNS)
_NO_METRICS = ("case", *CASE_COLUMNS, *LABEL_COLUMNS)
NO_LABEL = "no label in either mask"


@dataclass(frozen=True)
class Results:
    """The table and the names of its metric columns, in the order of the table of metrics."""

    table: pl.DataFrame
    metric_columns: tuple[str, ...]


def complete_results(manifest: Manifest, cases: JobResults, options: CompareOptions) -> Results:
    """Join the tables of the cases, and add rows for absent labels and failed cases.

    Parameters
    ----------
    manifest : Manifest
        Gives the order, the patients and the metadata.
    cases : JobResults
        The measured cases, and the reason of each failed case: it gets one row, with status ``failed`` and no label.
    options : CompareOptions
        The labels and regions of its preset are the labels of the table; without one, the union over all cases.

    Returns
    -------
    Results
        A label that a case does not hold has a row with status ``absent``, no voxels, and the values that the table
        of metrics gives for two empty masks. ``voxels_left_out`` is the number of labelled voxels of a resampled
        prediction that lie outside the reference's grid, for all labels of the case together.
    """
    always = metric_columns(options)
    measured = cases.table.with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in always if name not in cases.table.columns
    )
    columns = in_table_order(name for name in measured.columns if name not in _NO_METRICS)
    names = options.preset.names if options.preset else {}
    labels = list(names) or sorted(measured["label"].drop_nulls().unique().to_list())
    rows = _with_absent(measured, labels, absent_values(options))
    reasons = pl.DataFrame([*cases.failures.items()], schema={"case": str, "reason": str}, orient="row")
    failed = reasons.with_columns(status=pl.lit("failed"))
    table = pl.concat([rows, failed], how="diagonal")
    ordered = _manifest_columns(manifest).join(table, on="case", how="inner").sort("#case", _rank(labels))
    label_name = pl.col("label").replace_strict(
        labels, [names.get(label, f"label {label}") for label in labels], default=None, return_dtype=pl.String
    )
    ordered = ordered.with_columns(label_name=label_name if labels else pl.lit(None, pl.String))
    leading = ["case", "patient", *manifest.metadata_columns, "spacing_mm", "label", "label_name", "status", "reason"]
    voxels = ["reference_voxels", "prediction_voxels", "voxels_left_out"]
    return Results(ordered.select(*leading, *voxels, *columns), tuple(columns))


def _with_absent(measured: pl.DataFrame, labels: list[int], absent: Mapping[str, float | None]) -> pl.DataFrame:
    if not labels:
        return measured.with_columns(reason=pl.lit(NO_LABEL))
    every = measured.select(*_CASE).unique("case", maintain_order=True)
    every = every.join(pl.DataFrame({"label": labels}, schema={"label": pl.Int64}), how="cross")
    joined = every.join(measured.drop(*CASE_COLUMNS), on=["case", "label"], how="left")
    missing = pl.col("status").is_null()
    return joined.with_columns(
        *(
            pl.when(missing).then(pl.lit(value, pl.Float64)).otherwise(pl.col(name)).alias(name)
            for name, value in absent.items()
        ),
        *(pl.col(name).fill_null(0) for name in ("reference_voxels", "prediction_voxels")),
        status=pl.col("status").fill_null("absent"),
        reason=pl.lit(None, pl.String),
    )


def _manifest_columns(manifest: Manifest) -> pl.DataFrame:
    cases = manifest.cases
    columns = {
        "case": [case.name for case in cases],
        "patient": [case.patient for case in cases],
        **{name: [case.metadata[name] or None for case in cases] for name in manifest.metadata_columns},
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).with_row_index("#case")


def _rank(labels: list[int]) -> pl.Expr:
    if not labels:
        return pl.col("label")
    return pl.col("label").replace_strict(labels, range(len(labels)), default=None, return_dtype=pl.Int64)
