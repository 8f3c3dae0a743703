"""Instance agreement against every possible assignment, and on maps whose answer is known."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskwright.engine.metrics.families.instances import METRICS
from maskwright.engine.metrics.instance_matching import instance_agreement, match_instances
from maskwright.errors import ConfigError, GeometryError, InputError, LabelError
from maskwright.kernels.components import label_components
from reference import instances as reference

NUCLEI = Path(__file__).resolve().parents[3] / "../shared/data/nuclei/mask2d.tif"
PLAIN = {"matching": "iou", "min_instance_ml": 0.0}


def values(agreement):
    """Return every metric of instances, as the table works it out."""
    return {metric.name: float(metric.function("medpy")(agreement)) for metric in METRICS}


def same(found, expected):
    return found.keys() == expected.keys() and all(
        math.isclose(found[name], expected[name], rel_tol=1e-12) or math.isnan(found[name] + expected[name])
        for name in expected
    )


@st.composite
def instance_maps(draw):
    """Two small maps of up to four instances each, whose voxels agree more often than not."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=5))
    labels = st.integers(0, 4)
    first = draw(hnp.arrays(np.uint8, shape, elements=labels))
    changed = draw(hnp.arrays(np.bool_, shape))
    second = np.where(changed, draw(hnp.arrays(np.uint8, shape, elements=labels)), first).astype(np.uint16)
    return first, second


@settings(deadline=None)  # the first calls compile
@given(instance_maps(), st.sampled_from(["overlap", "iou"]), st.integers(0, 4), st.sampled_from([1, -1]))
def test_best_assignment(maps, matching, min_voxels, step):
    first, second = (labels[::step] for labels in maps)
    spacing_mm = (0.8, 0.7, 1.5)[: first.ndim]
    voxel_ml = math.prod(spacing_mm) / 1000
    found = match_instances(first, second, spacing_mm, matching=matching, min_instance_ml=min_voxels * voxel_ml)
    possible = list(reference.possible_values(first, second, voxel_ml, matching, min_voxels))
    assert any(same(values(found), numbers) for numbers in possible)
    for labels, kept, dropped in (
        (first, found.reference_instances, found.reference_dropped),
        (second, found.prediction_instances, found.prediction_dropped),
    ):
        sets, small = reference.voxel_sets(labels, min_voxels)
        assert (kept, dropped) == (len(sets), small)


@settings(deadline=None)
@given(st.data(), hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=6))
def test_instances_are_components(data, shape):
    first, second = data.draw(hnp.arrays(np.bool_, shape)), data.draw(hnp.arrays(np.bool_, shape))
    spacing_mm = (2.0,) * len(shape)
    by_labels = match_instances(label_components(first).labels, label_components(second).labels, spacing_mm, **PLAIN)
    assert same(values(instance_agreement(first, second, spacing_mm, **PLAIN)), values(by_labels))


def boxes(*corners, size=4, shape=(40, 40)):
    mask = np.zeros(shape, bool)
    for y, x in corners:
        mask[y : y + size, x : x + size] = True
    return mask


def test_one_pair_one_miss_one_false_positive():
    found = instance_agreement(boxes((0, 0), (20, 20)), boxes((0, 1), (30, 5)), (2.0, 5.0), **PLAIN)
    assert (found.false_positives, found.false_negatives, found.splits, found.merges) == (1, 1, 0, 0)
    assert found.instance_f1 == found.rq == 0.5
    assert found.sq == pytest.approx(12 / 20)  # 4 x 3 voxels shared, of 16 + 16 - 12
    assert found.pq == pytest.approx(0.5 * 12 / 20)
    assert found.matched_dice == pytest.approx(24 / 32)
    assert found.false_negative_volume_ml == pytest.approx(16 * 10 / 1000)  # 16 pixels of 10 mm2, 1 mm thick


def test_a_weak_overlap_is_a_pair_only_under_overlap():
    masks = boxes((0, 0)), boxes((2, 2))
    weak = instance_agreement(*masks, (1.0, 1.0), matching="overlap", min_instance_ml=0.0)
    assert (weak.instance_f1, weak.false_positives) == (1.0, 0)
    assert (weak.pq, weak.rq) == (0.0, 0.0)  # these stay at IoU > 0.5
    assert math.isnan(weak.sq)
    strict = instance_agreement(*masks, (1.0, 1.0), **PLAIN)
    assert (strict.instance_f1, strict.false_positives, strict.false_negatives) == (0.0, 1, 1)


def test_half_is_not_above_half():
    reference_map = np.array([[1, 1, 1, 0]], np.uint8)
    prediction_map = np.array([[0, 1, 1, 1]], np.uint8)  # IoU 2 / 4
    assert match_instances(reference_map, prediction_map, (1.0, 1.0), **PLAIN).instance_f1 == 0.0


def test_the_assignment_is_not_greedy():
    # Both sides have instances of 5 and 2 pixels. 1-1 share 3, 1-2 and 2-1 share 2: greedy by IoU takes 1-1 alone.
    reference_map = np.array([[1, 1, 1, 1, 1, 2, 2, 0, 0]], np.uint8)
    prediction_map = np.array([[1, 1, 1, 2, 2, 1, 1, 0, 0]], np.uint8)
    found = match_instances(reference_map, prediction_map, (1.0, 1.0), matching="overlap", min_instance_ml=0.0)
    # 3 / 7 alone is less than 2 / 5 + 2 / 5.
    assert (found.instance_f1, found.splits, found.merges) == (1.0, 1, 1)
    assert found.matched_dice == pytest.approx(4 / 7)


def test_voxels_that_touch_at_a_corner_are_one_instance():
    image = np.eye(3, dtype=bool)
    volume = np.zeros((3, 3, 3), bool)
    volume[range(3), range(3), range(3)] = True
    assert instance_agreement(image, image, (1.0, 1.0), **PLAIN).reference_instances == 1
    assert instance_agreement(volume, volume, (1.0, 1.0, 1.0), **PLAIN).reference_instances == 1


def test_small_instances_are_dropped_and_counted():
    mask = boxes((0, 0), (20, 20)) | boxes((35, 35), size=2)
    found = instance_agreement(mask, boxes((0, 0)), (1.0, 1.0), matching="iou", min_instance_ml=16 / 1000)
    assert (found.reference_instances, found.reference_dropped) == (2, 1)
    assert (found.prediction_instances, found.prediction_dropped) == (1, 0)
    assert found.false_negatives == 1


def test_empty_masks():
    empty, full = np.zeros((6, 6), bool), boxes((1, 1), shape=(6, 6))
    nan = math.nan
    ratios = ("instance_f1", "instance_sensitivity", "pq", "sq", "rq", "matched_dice")
    for masks, expected in (
        ((empty, empty), (nan, nan, nan, nan, nan, nan)),
        ((empty, full), (0.0, nan, 0.0, nan, 0.0, nan)),
        ((full, empty), (0.0, 0.0, 0.0, nan, 0.0, nan)),
    ):
        for matching in ("overlap", "iou"):
            found = values(instance_agreement(*masks, (1.0, 1.0), matching=matching, min_instance_ml=0.0))
            assert [found[name] for name in ratios] == pytest.approx(list(expected), nan_ok=True)
            assert not any(math.isnan(found[name]) for name in found.keys() - ratios)
    missed = instance_agreement(full, empty, (1.0, 1.0), **PLAIN)
    assert (missed.false_negatives, missed.false_negative_volume_ml) == (1, 0.016)


@pytest.mark.timeout(60)  # a dense 20,000 x 20,000 assignment would need 3 GB and far longer
def test_thousands_of_instances_in_chains_of_overlaps():
    row = np.repeat(np.arange(1, 20_001, dtype=np.uint32), 4)
    shifted = np.roll(row, 1)  # each instance overlaps its own shift by 3 of 4 and the next by 1
    found = match_instances(row[None], shifted[None], (1.0, 1.0), matching="overlap", min_instance_ml=0.0)
    assert (found.instance_f1, found.matched_dice) == (1.0, 0.75)
    assert found.splits == found.merges == 20_000


@pytest.mark.real_data
@pytest.mark.skipif(not NUCLEI.exists(), reason="the shared development data is not here")
@pytest.mark.parametrize("matching", ["overlap", "iou"])
def test_real_nuclei(matching):
    import tifffile

    nuclei = tifffile.imread(NUCLEI)
    options = {"matching": matching, "min_instance_ml": 0.0}
    itself = match_instances(nuclei, nuclei, (1.0, 1.0), **options)
    assert itself.reference_instances == 125  # said by the data's README
    assert (itself.instance_f1, itself.pq, itself.matched_dice) == (1.0, 1.0, 1.0)
    assert itself.false_positives == itself.false_negatives == itself.splits == itself.merges == 0

    gone = np.unique(nuclei)[-1]
    one_less = np.where(nuclei == gone, 0, nuclei)
    missed = match_instances(nuclei, one_less, (1.0, 1.0), **options)
    assert (missed.false_negatives, missed.false_positives) == (1, 0)
    assert missed.false_negative_volume_ml == pytest.approx((nuclei == gone).sum() / 1000)
    assert missed.instance_sensitivity == 124 / 125
    assert match_instances(one_less, nuclei, (1.0, 1.0), **options).false_positives == 1


def test_bad_arguments_are_refused():
    mask = np.zeros((4, 5), bool)
    with pytest.raises(LabelError, match="prediction is uint8; expected a bool mask"):
        instance_agreement(mask, mask.view(np.uint8), (1.0, 1.0), **PLAIN)
    with pytest.raises(GeometryError, match="equal shapes"):
        instance_agreement(mask, mask[1:], (1.0, 1.0), **PLAIN)
    with pytest.raises(GeometryError, match="expected 2 finite positive"):
        match_instances(mask, mask, (1.0, 1.0, 1.0), **PLAIN)
    with pytest.raises(ConfigError, match='matching is \'dice\'; expected "overlap" or "iou"'):
        match_instances(mask, mask, (1.0, 1.0), matching="dice", min_instance_ml=0.0)
    for volume in (-1.0, math.nan, math.inf):
        with pytest.raises(ConfigError, match="min_instance_ml is"):
            match_instances(mask, mask, (1.0, 1.0), matching="iou", min_instance_ml=volume)
    with pytest.raises(InputError, match="1 axes"):
        match_instances(mask[0], mask[0], (1.0,), **PLAIN)
