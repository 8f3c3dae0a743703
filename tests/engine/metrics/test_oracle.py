"""``compare`` against the plain definitions, and the same bits whatever the memory layout or the number of threads."""

import math
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maskwright.engine.metrics.compare import compare
from reference.surface_metrics import compare_plainly
from support.label_pairs import LAYOUTS, LabelPair, label_pairs, lay_out, make_pair
from support.twins import in_parts

CONVENTIONS = ("metrics-reloaded", "medpy", "deepmind")
TOLERANCES_MM = st.lists(st.sampled_from((0.0, 0.5, 0.7, 1.0, 1.6, 2.0, 2.4, 5.0)), min_size=1, max_size=3, unique=True)
# Relative, and too little to show in a column's name: hd95 is still hd95.
NUDGE = 1e-9
PERCENTILES = st.lists(st.sampled_from((50.0, 90.0, 95.0, 99.0, 100.0)), min_size=1, max_size=3, unique=True)


def assert_equal_metrics(pair, result, expected, exempt=()):
    """Equal columns; distances to 1e-9 mm, shares and counts exact but for the last bits of a division."""
    assert sorted(result.labels) == sorted(expected)
    for label, plain in expected.items():
        found = result.labels[label]
        assert found.reference_voxels == np.sum(pair.reference == label)
        assert found.prediction_voxels == np.sum(pair.prediction == label)
        assert set(found.values) - set(exempt) == set(plain)  # an oracle for every metric of the table
        for column, value in plain.items():
            if value is None:
                assert found.values[column] is None, column
            else:
                assert found.values[column] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), (label, column)


def bits(result):
    """Return every number of a result as text that tells the last bit."""
    return {
        label: {
            column: None if value is None else "nan" if math.isnan(value) else float(value).hex()
            for column, value in metrics.values.items()
        }
        for label, metrics in result.labels.items()
    }


@settings(max_examples=250, deadline=None)
@given(
    label_pairs(),
    st.sampled_from(CONVENTIONS),
    TOLERANCES_MM,
    PERCENTILES,
    st.sampled_from(LAYOUTS),
    st.sampled_from(LAYOUTS),
)
@example(make_pair(1, (1, 1, 1), "uint8", ("full", "full"), False), "deepmind", [0.0], [95.0], "c", "c")
@example(make_pair(2, (7, 8, 9), "uint16", ("full", "blobs"), False), "metrics-reloaded", [1.0], [95.0], "c", "f")
@example(make_pair(3, (7, 8, 9), "uint32", ("empty", "blobs"), False), "medpy", [1.0], [95.0], "reversed", "f")
@example(make_pair(4, (9, 14), "bool", ("voxel", "voxel"), False), "deepmind", [1.0], [50.0], "sliced", "f")
def test_equal_to_the_plain_definition(pair, convention, tolerances, percentiles, reference_layout, prediction_layout):
    result = compare(
        lay_out(pair.reference, reference_layout),
        lay_out(pair.prediction, prediction_layout),
        spacing_mm=pair.spacing_mm,
        tolerance_mm=tolerances,
        percentile=percentiles,
        convention=convention,
    )
    expected, below, above = (
        compare_plainly(
            pair.reference,
            pair.prediction,
            pair.spacing_mm,
            tolerances_mm=[tolerance * nudge for tolerance in tolerances],
            percentiles=[min(percentile * nudge, 100.0) for percentile in (95.0, *percentiles)],
            convention=convention,
        )
        for nudge in (1.0, 1 - NUDGE, 1 + NUDGE)
    )
    ties = []
    if convention == "deepmind":
        # Tested exactly, without tolerance or interpolation: a tie hangs on the last bit of a sum, so either side will
        # do here. How the package itself decides ties at a tolerance is the next test.
        for label, plain in expected.items():
            ties = [name for name in plain if re.match(r"nsd|hd\d", name)]
            for column in ties:
                del plain[column]
                found, slack = result.labels[label].values[column], 1e-9
                least, most = below[label][column], above[label][column]
                assert math.isnan(least) or least - slack <= found <= most + slack, (label, column)
    assert_equal_metrics(pair, result, expected, exempt=ties)


def test_ties_of_the_deepmind_convention_follow_the_package():
    """3 x 0.8 mm against a tolerance of 2.4 mm, on a grid whose other spacings are 0.7 and 2 mm."""
    pair = make_pair(2156, (1, 5, 2), "bool", ("full", "blobs"), False)
    assert pair.spacing_mm == (0.7, 0.8, 2.0)
    result = compare(
        pair.reference, pair.prediction, spacing_mm=pair.spacing_mm, tolerance_mm=2.4, convention="deepmind"
    )
    # From surface-distance 0.1, compute_surface_dice_at_tolerance.
    assert result.labels[1].nsd == pytest.approx(0.8594572903721103, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(label_pairs(kinds=("empty", "voxel", "missing", "blobs")), st.sampled_from(CONVENTIONS))
def test_penalty_for_an_empty_mask(pair, convention):
    result = compare(
        pair.reference, pair.prediction, spacing_mm=pair.spacing_mm, convention=convention, empty="penalty"
    )
    expected = compare_plainly(pair.reference, pair.prediction, pair.spacing_mm, convention=convention, empty="penalty")
    assert_equal_metrics(pair, result, expected)


@settings(max_examples=40, deadline=None)
@given(label_pairs(dtypes=("uint8", "uint16")), st.sampled_from(CONVENTIONS))
def test_a_label_in_neither_is_absent(pair, convention):
    chosen = [1, 99, 200]
    result = compare(pair.reference, pair.prediction, spacing_mm=pair.spacing_mm, convention=convention, labels=chosen)
    expected = compare_plainly(pair.reference, pair.prediction, pair.spacing_mm, convention=convention, labels=chosen)
    assert_equal_metrics(pair, result, expected)
    assert result.labels[99].status == "absent"


@settings(max_examples=60, deadline=None)
@given(label_pairs(), st.sampled_from(CONVENTIONS), st.sampled_from(LAYOUTS), st.sampled_from(LAYOUTS))
def test_same_bits_in_every_memory_layout(pair, convention, reference_layout, prediction_layout):
    plain = compare(pair.reference, pair.prediction, spacing_mm=pair.spacing_mm, convention=convention)
    other = compare(
        lay_out(pair.reference, reference_layout),
        lay_out(pair.prediction, prediction_layout),
        spacing_mm=pair.spacing_mm,
        convention=convention,
    )
    assert bits(other) == bits(plain)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(
    ("shape", "dtype", "kind"),
    [((40, 50, 60), "uint8", "blobs"), ((40, 50, 60), "uint16", "noise"), ((300, 400), "uint8", "blobs")],
)
def test_same_bits_in_one_part_and_in_three(shape, dtype, kind, convention):
    pair = make_pair(11, shape, dtype, (kind, kind), related=True)
    found = []
    for parts in (1, 3):
        with in_parts(parts):
            found.append(
                bits(compare(pair.reference, pair.prediction, spacing_mm=pair.spacing_mm, convention=convention))
            )
    assert found[0] == found[1]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [((50, 60, 70), (1.0, 1.0, 1.0)), ((30, 90, 60), (3.3, 0.7, 0.7)), ((200, 300), (0.31, 0.47))],
)
def test_far_islands_and_a_prediction_elsewhere(shape, spacing_mm, convention):
    """Points far from the other surface are found another way than near ones: both must be exact."""
    rng = np.random.default_rng(8)
    axes = np.ogrid[tuple(slice(size) for size in shape)]

    def blob(place):
        radius = np.minimum(8, np.array(shape) / 6)
        centre = np.array(place) * shape
        return sum(((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radius, strict=True)) <= 1

    reference, prediction = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    reference[blob([0.25] * len(shape))] = 1
    prediction[blob([0.27] * len(shape))] = 1
    prediction[tuple(rng.integers(0, size, 40) for size in shape)] = 1
    reference[blob([0.2, 0.75, 0.75][-len(shape) :])] = 2
    prediction[blob([0.8, 0.25, 0.2][-len(shape) :])] = 2
    result = compare(reference, prediction, spacing_mm=spacing_mm, tolerance_mm=1.05, convention=convention)
    expected = compare_plainly(reference, prediction, spacing_mm, tolerances_mm=(1.05,), convention=convention)
    assert_equal_metrics(LabelPair(reference, prediction, spacing_mm), result, expected)


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_thousands_of_labels_equal_the_plain_definition(dtype):
    """Every voxel block of its own label, up to the largest of the type, some missing on either side."""
    rng = np.random.default_rng(5)
    labels = rng.choice(np.iinfo(dtype).max, 2000, replace=False).astype(dtype)
    blocks = labels.reshape(10, 10, 20)
    reference = blocks.repeat(2, 0).repeat(2, 1).repeat(3, 2)
    prediction = np.where(rng.random(reference.shape) < 0.1, 0, np.roll(reference, 1, 2)).astype(dtype)
    prediction[prediction == labels[7]] = 0
    reference[reference == labels[8]] = 0
    result = compare(reference, prediction, spacing_mm=(2.0, 1.0, 0.5), tolerance_mm=1.0)
    assert len(result.labels) == len(set(labels.tolist()) - {0})
    chosen = [int(label) for label in labels[:30]]
    expected = compare_plainly(reference, prediction, (2.0, 1.0, 0.5), tolerances_mm=(1.0,), labels=chosen)
    for label, plain in expected.items():
        assert result.labels[label].values == pytest.approx(plain, rel=1e-9, abs=1e-9, nan_ok=True)
