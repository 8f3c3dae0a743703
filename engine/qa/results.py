"""The table of results: every case times every label, in the order of the manifest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from maskwright.engine.metrics.columns import empty_values, metric_columns
from maskwright.engine.metrics.table import METRICS, metric_of
from maskwright.engine.qa.case import CellValue
from maskwright.engine.qa.manifest import Manifest
from maskwright.engine.qa.settings import Settings

_CASE_COLUMNS = {"case": pl.String, "spacing_mm": pl.String, "voxels_left_out": pl.Int64}
_LABEL_COLUMNS = {
    "label": pl.Int64,
    "status": pl.String,
    "reference_voxels": pl.Int64,
    "prediction_voxels": pl.Int64,
}
_FIXED = {**_CASE_COLUMNS, **_LABEL_COLUMNS}
NO_LABEL = "no label in either mask"


@dataclass(frozen=True)
class Results:
    """The table and the names of its metric columns, in the order of the table of metrics."""

    table: pl.DataFrame
    metric_columns: tuple[str, ...]


def part_of(rows: Sequence[Mapping[str, CellValue]]) -> pl.DataFrame:
    """Return the rows of one case as a table whose types do not depend on its values."""
    names = dict.fromkeys(name for row in rows for name in row)
    schema = {name: _FIXED.get(name, pl.Float64) for name in names}
    return pl.DataFrame([{name: row.get(name) for name in names} for row in rows], schema=schema)


def complete_results(
    manifest: Manifest, parts: Iterable[pl.DataFrame], failures: Mapping[str, str], settings: Settings
) -> Results:
    """Put the parts together and add what no part holds.

    Parameters
    ----------
    manifest : Manifest
        Gives the order, the patients and the metadata.
    parts : iterable of polars.DataFrame
        One a measured case, from ``part_of``.
    failures : mapping of str to str
        The reason of each failed case: it gets one row, with status ``failed`` and no label.
    settings : Settings
        The labels and regions of its preset are the labels of the table; without one, the union over all parts.

    Returns
    -------
    Results
        A label that a case does not hold has a row with status ``absent``, no voxels, and the values that the table
        of metrics gives for two empty masks. ``voxels_left_out`` is the number of labelled voxels of a resampled
        prediction that lie outside the reference's grid, for all labels of the case together.
    """
    measured = pl.concat([pl.DataFrame(schema=_FIXED), *parts], how="diagonal")
    always = metric_columns(settings.metrics)
    measured = measured.with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in always if name not in measured.columns
    )
    columns = _in_table_order(name for name in measured.columns if name not in _FIXED)
    names = settings.preset.names if settings.preset else {}
    labels = list(names) or sorted(measured["label"].drop_nulls().unique().to_list())
    rows = _with_absent(measured, labels, empty_values("absent", always, settings.metrics, math.inf))
    failed = pl.DataFrame(
        {"case": list(failures), "status": ["failed"] * len(failures), "reason": list(failures.values())},
        schema={"case": pl.String, "status": pl.String, "reason": pl.String},
    )
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
    every = measured.select(*_CASE_COLUMNS).unique("case", maintain_order=True)
    every = every.join(pl.DataFrame({"label": labels}, schema={"label": pl.Int64}), how="cross")
    joined = every.join(
        measured.drop(*(name for name in _CASE_COLUMNS if name != "case")), on=["case", "label"], how="left"
    )
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


def _in_table_order(columns: Iterable[str]) -> list[str]:
    order = {name: place for place, name in enumerate(METRICS)}

    def place(column: str) -> tuple[int, bool, float]:
        name = metric_of(column).name
        number = column.removeprefix("hd").split("@")[-1].removesuffix("mm")
        return order[name], column != name, float(number) if column != name else 0.0

    return sorted(columns, key=place)


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
