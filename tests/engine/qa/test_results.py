"""The table of results: complete, ordered, nothing dropped."""

import math
from pathlib import Path

import polars as pl

from maskwright.engine.config.preset import LabelSpec, Preset, Region
from maskwright.engine.jobs.job import JobResults
from maskwright.engine.jobs.run import join_tables, rows_table
from maskwright.engine.metrics.columns import metric_columns
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.qa.job import QaJob
from maskwright.engine.qa.manifest import Manifest, read_manifest
from maskwright.engine.qa.results import NO_LABEL, Results, complete_results

NAN, INF = math.nan, math.inf


def manifest(folder: Path, names: str) -> Manifest:
    path = folder / "m.csv"
    lines = "".join(f"{name},r,p,patient {name},site {name}\n" for name in names)
    path.write_text("case,reference,prediction,patient,site\n" + lines)
    return read_manifest(path)


def table(case: str, *labels: int | None, **values: float | None) -> pl.DataFrame:
    rows = []
    for label in labels:
        voxels = {"reference_voxels": 4, "prediction_voxels": 5} if label else {}
        status = "present" if label else "absent"
        rows.append({"spacing_mm": "1,1,1", "label": label, "status": status, **voxels, **values})
    return rows_table(case, rows, QaJob.column_types)


def complete(
    manifest: Manifest,
    tables: list[pl.DataFrame],
    failures: dict[str, str] | None = None,
    options: CompareOptions | None = None,
) -> Results:
    return complete_results(
        manifest, JobResults(join_tables(tables, QaJob.column_types), failures or {}, 0), options or CompareOptions()
    )


def keys(results: Results) -> list[tuple[object, ...]]:
    return list(results.table.select("case", "label", "status").iter_rows())


def test_every_case_has_every_label_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    tables = [table("a", 7, dice=0.5, hd=INF), table("b", 2, dice=1.0, hd=0.0)]
    results = complete(manifest(tmp_path, "bca"), tables, {"c": "no such file"})
    assert keys(results) == [
        ("b", 2, "present"),
        ("b", 7, "absent"),
        ("c", None, "failed"),
        ("a", 2, "absent"),
        ("a", 7, "present"),
    ]
    assert results.table["site"].to_list() == ["site b"] * 2 + ["site c"] + ["site a"] * 2
    assert results.table["reason"].to_list() == [None, None, "no such file", None, None]
    assert results.table["label_name"].to_list() == ["label 2", "label 7", None, "label 2", "label 7"]


def test_an_absent_label_has_the_values_of_two_empty_masks(tmp_path: Path) -> None:
    values = {"dice": 0.5, "hd": 1.0, "volume_difference_ml": 0.25, "kappa": 0.5}
    tables = [table("a", 7, **values), table("b", None)]
    absent = complete(manifest(tmp_path, "ab"), tables).table.filter(status="absent").row(0, named=True)
    assert math.isnan(absent["dice"])
    assert math.isnan(absent["hd"])
    assert absent["volume_difference_ml"] == 0.0
    assert (absent["reference_voxels"], absent["prediction_voxels"], absent["spacing_mm"]) == (0, 0, "1,1,1")


def test_metric_columns_come_in_the_order_of_the_table(tmp_path: Path) -> None:
    options = CompareOptions((2.0, 10.0, 3.0), (95.0, 90.0))
    values = dict.fromkeys(["pq", "nsd@10mm", "hd90", "nsd@3mm", "nsd", "dice", "hd95", "hd"], 1.0)
    results = complete(manifest(tmp_path, "a"), [table("a", 1, **values)], options=options)
    wanted = [name for name in results.metric_columns if name in values]
    assert wanted == ["dice", "hd", "hd95", "hd90", "nsd", "nsd@3mm", "nsd@10mm", "pq"]
    assert set(metric_columns(options)) | {"pq"} == set(results.metric_columns)


def test_a_preset_names_and_orders_the_labels(tmp_path: Path) -> None:
    preset = Preset("p", {2: LabelSpec("core"), 1: LabelSpec("rim")}, {100: Region("whole", (1, 2))})
    tables = [table("a", 1, 2, 100, dice=1.0)]
    results = complete(manifest(tmp_path, "a"), tables, options=CompareOptions(preset=preset))
    assert results.table["label_name"].to_list() == ["core", "rim", "whole"]


def test_cases_without_any_label_stay_in_the_table(tmp_path: Path) -> None:
    results = complete(manifest(tmp_path, "ab"), [table("a", None)], {"b": "why"})
    assert keys(results) == [("a", None, "absent"), ("b", None, "failed")]
    assert results.table["reason"].to_list() == [NO_LABEL, "why"]


def test_only_failures(tmp_path: Path) -> None:
    results = complete(manifest(tmp_path, "ab"), [], {"a": "x", "b": "y"})
    assert keys(results) == [("a", None, "failed"), ("b", None, "failed")]
    assert results.metric_columns == tuple(metric_columns(CompareOptions()))


def test_a_metric_without_numbers_keeps_its_column(tmp_path: Path) -> None:
    results = complete(manifest(tmp_path, "a"), [table("a", 1, dice=1.0, nsd=None)])
    assert results.table["nsd"].to_list() == [None]
    assert results.table.schema["nsd"] == pl.Float64
