"""A metric is a record with its function, and becomes a column."""

import dataclasses
import math

import numpy as np
import pytest

from maskwright.engine.config import LabelSpec, Preset, Region
from maskwright.engine.metrics import columns
from maskwright.engine.metrics.compare import compare
from maskwright.engine.metrics.conventions import CONVENTIONS
from maskwright.engine.metrics.metric import Metric, in_every_convention
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.metrics.table import METRICS, make_table
from maskwright.errors import ConfigError

SPACING_MM = (2.0, 1.0, 1.0)


def record(**changes):
    fields = {
        "name": "specificity",
        "title": "Specificity",
        "definition": "TN / (TN + FP)",
        "source": "any",
        "needs": "counts",
        "functions": in_every_convention(
            lambda counts: 1 - (counts.prediction - counts.both) / (counts.grid - counts.reference)
        ),
        "both_empty": math.nan,
        "reference_empty": None,
        "prediction_empty": None,
    }
    return Metric(**fields | changes)


def two_masks():
    reference = np.zeros((4, 16, 16), np.uint8)
    reference[1:3, 4:10, 4:10] = 1
    return reference, np.roll(reference, 1, axis=1)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"functions": {}}, "'specificity' has no function"),
        ({"functions": None}, "'specificity' has no function"),
        ({"functions": len}, "'specificity' has no function"),
        ({"functions": {"medpy": None}}, "'specificity' has no function"),
        ({"functions": {"mine": abs}}, "'specificity' has a function of 'mine'"),
        ({"needs": "voxels"}, "'specificity' needs 'voxels'; expected one of counts, distances"),
        ({"both_empty": None}, "'specificity' needs counts; expected a value for both_empty"),
        ({"needs": "distances"}, "'specificity' needs distances; expected a value for both_empty, reference_empty"),
        ({"percentiles": (50,)}, "'specificity' has percentiles; expected numbers from 0 to 100, of distances"),
        ({"parameter": "percentile"}, "'specificity' has a column a percentile; expected a name that ends in 95"),
    ],
)
def test_a_record_without_a_function_cannot_be_made(changes, part):
    with pytest.raises(TypeError, match=part):
        record(**changes)


def test_a_record_without_functions_is_named():
    fields = {field.name: getattr(METRICS["dice"], field.name) for field in dataclasses.fields(Metric)}
    del fields["functions"]
    with pytest.raises(TypeError, match="metric 'dice' has no function"):
        Metric(**fields)


def test_a_new_record_is_a_column(monkeypatch):
    monkeypatch.setitem(METRICS, "specificity", record())
    reference, prediction = two_masks()
    outside = (reference == 0).sum()
    values = compare(reference, prediction, spacing_mm=SPACING_MM, labels=[1, 7]).labels
    assert values[1].specificity == pytest.approx(((reference == 0) & (prediction == 0)).sum() / outside)
    assert math.isnan(values[7].specificity)
    assert "specificity" in columns.metric_columns(CompareOptions())


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("percentile", [50, 12.5])
def test_a_record_reads_a_percentile_of_its_own(monkeypatch, convention, percentile):
    def middle(distances):
        directions = distances.reference_to_prediction, distances.prediction_to_reference
        pooled = distances.pooled_percentiles_mm
        return pooled[percentile] if pooled else max(each.percentiles_mm[percentile] for each in directions)

    fields = {"name": "middle", "needs": "distances", "percentiles": (percentile,), "unit": "mm"}
    rules = {"reference_empty": math.inf, "prediction_empty": math.inf}
    monkeypatch.setitem(METRICS, "middle", record(functions=in_every_convention(middle), **fields, **rules))
    found = compare(*two_masks(), spacing_mm=SPACING_MM, convention=convention).labels[1].values
    plain = compare(*two_masks(), spacing_mm=SPACING_MM, convention=convention, percentile=percentile).labels[1].values
    assert found["middle"] == plain[f"hd{percentile}"]
    assert f"hd{percentile}" not in found


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("hd50", "'hd50' is called as a column of 'hd95'"),
        ("hd99.5", "'hd99.5' is called as a column of 'hd95'"),
        ("nsd@3mm", "'nsd@3mm' is called as a column of 'nsd'"),
        ("boundary_iou@0.5mm", "'boundary_iou@0.5mm' is called as a column of 'boundary_iou'"),
        ("dice", "a column 'dice' already"),
        ("reference_voxels", "a column 'reference_voxels' already"),
    ],
)
def test_a_metric_that_shadows_a_column_is_refused(name, part):
    for records in ([*METRICS.values(), record(name=name)], [record(name=name), *METRICS.values()]):
        with pytest.raises(TypeError, match=part):
            make_table(records)


def test_a_record_of_one_convention(monkeypatch):
    monkeypatch.setitem(METRICS, "specificity", record(functions={"medpy": lambda counts: 0.5}))
    found = {
        convention: compare(*two_masks(), spacing_mm=SPACING_MM, convention=convention).labels[1].values
        for convention in CONVENTIONS
    }
    assert found["medpy"]["specificity"] == 0.5
    assert "specificity" not in found["metrics-reloaded"]
    assert "specificity" not in found["deepmind"]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_can_have_boundaries(monkeypatch, convention):
    functions = in_every_convention(METRICS["boundary_iou"].function("metrics-reloaded"))
    monkeypatch.setitem(METRICS, "boundary_iou", dataclasses.replace(METRICS["boundary_iou"], functions=functions))
    plain = compare(*two_masks(), spacing_mm=SPACING_MM, tolerance_mm=(1, 3)).labels[1]
    found = compare(*two_masks(), spacing_mm=SPACING_MM, tolerance_mm=(1, 3), convention=convention).labels[1]
    for column in ("boundary_iou", "boundary_iou@3mm"):
        assert found.values[column] == plain.values[column]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_column_without_a_function_is_none(convention):
    preset = Preset("all", {1: LabelSpec("one", metrics=tuple(METRICS)), 2: LabelSpec("two", metrics=tuple(METRICS))})
    found = compare(*two_masks(), spacing_mm=SPACING_MM, convention=convention, preset=preset, percentile=[90])
    defined = {name for name, metric in METRICS.items() if metric.function(convention)}
    for label in (1, 2):
        for column, value in found.labels[label].values.items():
            assert (value is not None) == (columns.metric_of(column).name in defined), column
    assert list(found.labels[1].values) == columns.metric_columns(CompareOptions((2.0,), (90,), preset=preset))


def test_every_convention_has_the_columns_of_the_default_one():
    names = {convention: columns.metric_columns(CompareOptions(convention=convention)) for convention in CONVENTIONS}
    assert names["medpy"] == names["metrics-reloaded"]
    assert set(names["deepmind"]) - set(names["medpy"]) == {
        "assd_reference_to_prediction",
        "assd_prediction_to_reference",
    }
    assert {"dice", "iou", "hd", "hd95", "assd", "masd", "nsd", "volume_similarity"} <= set(names["deepmind"])


def test_a_preset_lists_the_metrics_of_a_label():
    preset = Preset(
        "few",
        {
            1: LabelSpec("vessel", tubular=True, metrics=("nsd", "dice")),
            2: LabelSpec("other"),
            3: LabelSpec("lesion", instances=True, metrics=("hd95",)),
        },
        {9: Region("all", (1, 2), metrics=("masd",))},
    )
    found = compare(*two_masks(), spacing_mm=SPACING_MM, preset=preset, tolerance_mm=(1, 3), percentile=90)
    plain = compare(*two_masks(), spacing_mm=SPACING_MM, tolerance_mm=(1, 3), percentile=90).labels[1].values
    assert list(found.labels[1].values) == ["dice", "nsd", "nsd@3mm", "cldice"]
    assert {name: found.labels[1].values[name] for name in ("dice", "nsd", "nsd@3mm")} == {
        name: plain[name] for name in ("dice", "nsd", "nsd@3mm")
    }
    assert list(found.labels[2].values) == list(plain)
    assert list(found.labels[3].values)[:3] == ["hd95", "hd90", "instance_f1"]
    assert found.labels[9].values == {"masd": plain["masd"]}
    with pytest.raises(AttributeError, match="no metric 'iou'; expected one of dice"):
        _ = found.labels[1].iou
    table = found.to_polars()
    assert table.columns[:4] == ["label", "reference_voxels", "prediction_voxels", "dice"]
    assert table.filter(label=1)["iou"].to_list() == [None]


def test_only_labels_that_need_surfaces_get_them(monkeypatch):
    from maskwright.engine.metrics import surface_inputs

    searched = []
    find = surface_inputs.find_surfaces
    monkeypatch.setattr(
        surface_inputs, "find_surfaces", lambda mask, labels: searched.append(labels.tolist()) or find(mask, labels)
    )
    reference, prediction = two_masks()
    reference[3, 12:15, 12:15] = prediction[3, 12:15, 12:15] = 2
    specs = {1: LabelSpec("one", metrics=("dice",)), 2: LabelSpec("two", metrics=("hd",))}
    found = compare(reference, prediction, spacing_mm=SPACING_MM, preset=Preset("p", specs))
    assert searched == [[2], [2]]
    assert found.labels[2].values == {"hd": 0.0}
    compare(reference, prediction, spacing_mm=SPACING_MM, preset=Preset("p", {1: specs[1]}))
    assert len(searched) == 2


@pytest.mark.parametrize("spec", [{"labels": {1: LabelSpec("one", metrics=("dise",))}}])
def test_an_unknown_listed_metric_is_refused(spec):
    with pytest.raises(ConfigError, match="'one' lists the metric 'dise'; expected some of dice, iou"):
        CompareOptions(preset=Preset("p", **spec))


def test_names_of_columns():
    names = ["hd", "hd95", "hd90", "hd99.99999", "hd1e-07", "nsd@3mm", "boundary_iou@1e+200mm", "cldice", "pq"]
    assert all(columns.is_metric_column(name) for name in names)
    others = ["hdd", "hd@3mm", "nsd@3", "dice@3mm", "nsd@mm", "reader", "age", "masd95", "", "@3mm"]
    assert not any(columns.is_metric_column(name) for name in others)
    order = ["nsd@10mm", "hd90", "nsd@3mm", "pq", "hd99", "nsd", "dice", "hd95", "hd"]
    assert columns.in_table_order(order) == [
        *("dice", "hd", "hd95", "hd90", "hd99", "nsd", "nsd@3mm", "nsd@10mm", "pq")
    ]
