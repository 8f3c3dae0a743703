"""The summary counts everything and hides nothing."""

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskwright.engine.agreement.summary import ranked_quantile, summarise

INF, NAN = math.inf, math.nan


def table(rows: list[tuple[str, str | None, int | None, str, float | None, float | None]]) -> pl.DataFrame:
    names = ["case", "patient", "label", "status", "dice", "hd95"]
    types = [pl.String, pl.String, pl.Int64, pl.String, pl.Float64, pl.Float64]
    frame = pl.DataFrame(rows, schema=dict(zip(names, types)), orient="row")
    return frame.with_columns(label_name=pl.format("label {}", pl.col("label")))


MIXED = table(
    [
        ("a", "p", 1, "present", 0.9, 1.0),
        ("b", "p", 1, "prediction_empty", 0.0, INF),
        ("c", "q", 1, "absent", NAN, NAN),
        ("d", "q", 1, "present", 0.6, 3.0),
        ("e", "r", None, "failed", None, None),
    ]
)


def test_every_kind_of_case_is_counted() -> None:
    summary = summarise(MIXED, ["dice", "hd95"])
    assert (summary.cases, summary.failed, summary.patients) == (5, 1, 3)
    label = summary.labels[0]
    assert (label.cases, label.present, label.absent, label.prediction_empty, label.failed) == (4, 2, 1, 1, 1)
    hd95 = label.metric("hd95")
    assert hd95 is not None
    assert (hd95.values, hd95.infinite, hd95.undefined, hd95.clusters) == (3, 1, 1, 2)


def test_the_headline_of_a_distance_is_its_median_and_it_has_no_mean() -> None:
    hd95 = summarise(MIXED, ["hd95"]).labels[0].metric("hd95")
    assert hd95 is not None
    assert (hd95.statistic, hd95.value, hd95.mean) == ("median", 3.0, None)
    assert (hd95.lower_quartile, hd95.upper_quartile, hd95.highest) == (2.0, INF, INF)


def test_the_headline_of_an_overlap_is_its_mean() -> None:
    dice = summarise(MIXED, ["dice"]).labels[0].metric("dice")
    assert dice is not None
    assert (dice.statistic, dice.median) == ("mean", 0.6)
    assert dice.value == pytest.approx(0.5)


def test_a_mean_of_distances_comes_only_with_the_penalty() -> None:
    finite = table([("a", None, 1, "present", 1.0, 1.0), ("b", None, 1, "prediction_empty", 0.0, 9.0)])
    assert summarise(finite, ["hd95"]).labels[0].metrics[0].mean is None
    assert summarise(finite, ["hd95"], penalty=True).labels[0].metrics[0].mean == 5.0


def test_without_patients_each_case_is_its_own_cluster() -> None:
    summary = summarise(table([(name, None, 1, "present", 0.5, 1.0) for name in "abc"]), ["dice"])
    assert summary.patients is None
    assert summary.labels[0].metrics[0].clusters == 3


def test_one_patient_has_no_interval() -> None:
    summary = summarise(table([(name, "p", 1, "present", 0.5, 1.0) for name in "abc"]), ["dice"])
    assert summary.labels[0].metrics[0].interval is None


def test_an_undefined_metric_is_left_out() -> None:
    summary = summarise(table([("a", None, 1, "present", 0.5, None)]), ["dice", "hd95"])
    assert [metric.column for metric in summary.labels[0].metrics] == ["dice"]


def test_only_failed_cases_give_no_labels() -> None:
    summary = summarise(table([("a", None, None, "failed", None, None)]), ["dice", "hd95"])
    assert (summary.cases, summary.failed, summary.labels) == (1, 1, ())


def test_json_has_no_bare_infinity() -> None:
    text = json.dumps(summarise(MIXED, ["dice", "hd95"]).to_plain(), allow_nan=False)
    plain = json.loads(text)
    assert plain["labels"]["1"]["metrics"]["hd95"]["highest"] == "inf"
    assert plain["labels"]["1"]["name"] == "label 1"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_a_finite_quantile_is_numpys(numbers: list[float], share: float) -> None:
    quantile = ranked_quantile(np.array(numbers), share)
    assert quantile == pytest.approx(float(np.quantile(numbers, share)), rel=1e-9, abs=1e-6)
