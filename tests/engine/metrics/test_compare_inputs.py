"""Arguments of ``compare``, and inputs that once gave a wrong number or a bare Python error."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from maskwright.engine.config import LabelSpec, Preset, load_preset
from maskwright.engine.metrics.compare import compare
from maskwright.engine.metrics.families.overlap import mcc
from maskwright.engine.metrics.inputs import Counts
from maskwright.engine.metrics.options import CompareOptions, make_options
from maskwright.engine.volume import Grid, LabelMap
from maskwright.errors import ConfigError, GeometryError, InputError, LabelError

SPACING_MM = (2.0, 1.0, 1.0)


def two_masks():
    reference = np.zeros((4, 8, 9), np.uint8)
    reference[1:3, 2:6, 2:6] = 1
    return reference, np.roll(reference, 1, axis=1)


@pytest.mark.parametrize("spacing_mm", [(0.0002527, 0.0002527), (0.0005013, 0.0002507), (250.7, 1013.0)])
@pytest.mark.parametrize("convention", ["metrics-reloaded", "medpy", "deepmind"])
def test_pixels_of_any_size_are_measured_exactly(spacing_mm, convention):
    """A plane of slide pixels, 0.2527 um: once 3 % off."""
    reference = np.zeros((300, 400), np.uint8)
    reference[100:110, 100:110] = 1
    prediction = np.roll(reference, (3, 4), axis=(0, 1))
    found = compare(reference, prediction, spacing_mm=spacing_mm, convention=convention).labels[1]
    assert found.hd == pytest.approx(math.hypot(3 * spacing_mm[0], 4 * spacing_mm[1]), rel=1e-9)


@pytest.mark.parametrize("thick", [5.0000005, 5.00000048])
def test_steps_within_a_slice_are_exact_whatever_the_slice_thickness(thick):
    """A thickness as float32 headers give it: steps of 1 mm were once 1.4e-9 too short or long."""
    reference = np.zeros((300, 500, 500), np.uint8)
    reference[2:5, 10:20, 10:20] = 1
    prediction = np.roll(reference, 2, axis=1)
    found = compare(reference, prediction, spacing_mm=(thick, 1.0, 1.0), tolerance_mm=2.0).labels[1]
    assert found.hd == pytest.approx(2.0, rel=1e-14)
    assert found.nsd == 1.0


@pytest.mark.parametrize("ratio", [1.0, 1000.0, 1e5])
def test_any_ratio_of_spacings_is_measured_to_a_billionth(ratio):
    spacing_mm = (0.7310987 * ratio, 0.7310987, 1.1234567)
    reference = np.zeros((200, 150, 120), np.uint8)
    reference[10:13, 10:13, 10:13] = 1
    for axis, step in enumerate(spacing_mm):
        prediction = np.roll(reference, 2, axis=axis)
        found = compare(reference, prediction, spacing_mm=spacing_mm, tolerance_mm=2 * step).labels[1]
        assert found.hd == pytest.approx(2 * step, rel=1e-9)
        assert found.nsd == 1.0


@pytest.mark.parametrize("convention", ["metrics-reloaded", "medpy", "deepmind"])
@pytest.mark.parametrize("spacing_mm", [(1e-12, 1.0, 1e12), (1e12, 1e-12, 1e-12), (1e12,) * 3, (1e-12,) * 3])
def test_the_smallest_and_the_largest_spacing(spacing_mm, convention):
    reference, prediction = two_masks()  # one voxel apart in y
    found = compare(reference, prediction, spacing_mm=spacing_mm, convention=convention).labels[1]
    assert found.hd == pytest.approx(spacing_mm[1], rel=1e-9)
    assert found.volume_difference_ml == 0
    assert all(math.isfinite(value) for value in found.values.values() if value is not None)


def test_a_tolerance_beyond_all_numbers_squared():
    assert compare(*two_masks(), spacing_mm=SPACING_MM, tolerance_mm=1e200).labels[1].boundary_iou == 0.6


def test_equal_masks_on_a_large_grid_correlate_fully():
    counts = Counts(2_325_348_895, 2_325_348_895, 2_325_348_895, 8_709_223_737, voxel_ml=1.0)
    assert mcc(counts) == 1.0  # once 1.0000000000000002


def test_numbers_may_be_numpy_arrays_and_tuples():
    reference, prediction = two_masks()
    plain = compare(reference, prediction, spacing_mm=SPACING_MM, tolerance_mm=[1.0, 2.0], percentile=(90, 99))
    found = compare(
        reference,
        prediction,
        spacing_mm=np.array(SPACING_MM, np.float32),
        tolerance_mm=np.array([1.0, 2.0]),
        percentile=np.array([90, 99]),
        labels=np.array([1], np.int16),
    )
    assert found == plain
    assert compare(reference, prediction, spacing_mm=SPACING_MM, tolerance_mm=np.float32(1)).labels[1].nsd == 1.0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"tolerance_mm": "12"}, ConfigError),  # once tolerances of 1 and 2 mm
        ({"tolerance_mm": []}, ConfigError),
        ({"tolerance_mm": ["1"]}, ConfigError),
        ({"percentile": [[90, 95]]}, ConfigError),
        ({"tolerance_mm": [1, math.nan]}, ConfigError),
        ({"percentile": 10**400}, ConfigError),
        ({"convention": "mine"}, ConfigError),
        ({"empty": "zero"}, ConfigError),
        ({"preset": "nobody"}, ConfigError),
        ({"resample": 1}, ConfigError),
        ({"options": CompareOptions(), "percentile": 90}, InputError),
        ({"options": {"percentile": 90}}, ConfigError),
        ({"labels": [1.5]}, LabelError),  # once label 1
        ({"labels": ["1"]}, LabelError),
        ({"labels": 1}, LabelError),
        ({"spacing_mm": "thick"}, GeometryError),
        ({"spacing_mm": 1.0}, GeometryError),
        *(({"spacing_mm": (step, 1.0, 1.0)}, GeometryError) for step in (5e-324, 1e-300, 1e13, 1e300)),  # OverflowError
        ({"spacing_mm": (1e200, 1e200, 1e200)}, GeometryError),  # once a volume difference of NaN for equal masks
        ({"spacing_mm": (1.0, (1.0, 2.0), 1.0)}, GeometryError),
        ({"spacing_mm": np.ones((1, 3))}, GeometryError),
    ],
)
def test_bad_options_are_refused(options, error):
    with pytest.raises(error, match=r"expected|take one of"):
        compare(*two_masks(), **{"spacing_mm": SPACING_MM, **options})


@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ({"percentile": [95.0000001]}, {"hd95.0000001"}),  # once refused, before that written over hd95
        ({"percentile": 99.99999}, {"hd99.99999"}),  # once hd100, which is not HD
        ({"percentile": [100, 1e-7]}, {"hd100", "hd1e-07"}),
        ({"tolerance_mm": [1, 3, 3.0000001]}, {"nsd@3mm", "nsd@3.0000001mm"}),  # once one column for both
        ({"tolerance_mm": [0.1, 0.1 + 1e-16, 1e200]}, {"nsd@0.1000000000000001mm", "nsd@1e+200mm"}),
    ],
)
def test_columns_name_their_number_in_full(options, columns):
    values = compare(*two_masks(), spacing_mm=SPACING_MM, **options).labels[1].values
    assert {name for name in values if name.startswith(("hd", "nsd"))} == {"hd", "hd95", "nsd"} | columns


def test_options_are_one_record_or_keywords():
    reference, prediction = two_masks()
    options = CompareOptions((1.0, 3.0), (90,), "medpy", "penalty", load_preset("brain-tissue"))
    shorthand = {"tolerance_mm": [1, 3], "percentile": 90, "convention": "medpy", "empty": "penalty"}
    found = compare(reference, prediction, spacing_mm=SPACING_MM, options=options)
    assert found == compare(reference, prediction, spacing_mm=SPACING_MM, preset="brain-tissue", **shorthand)
    assert make_options(options) is options
    assert hash(make_options()) == hash(CompareOptions())


def test_options_take_no_preset_name():
    for preset in ("brats", Path("brats.toml"), {1: "necrosis"}):
        with pytest.raises(ConfigError, match="expected a Preset: load_preset makes one"):
            CompareOptions(preset=preset)


@pytest.mark.parametrize("name", ["reference.nii.gz", b"a.nii", Path("a.nii")])
def test_a_file_name_is_refused(name):
    with pytest.raises(
        InputError, match=r"reference is the name of a file; expected labels: pass maskwright.read_labels"
    ):
        compare(name, name, spacing_mm=SPACING_MM)


def test_a_resampled_prediction_counts_the_voxels_left_out():
    reference, prediction = two_masks()
    larger = np.pad(prediction, ((0, 1), (0, 0), (0, 0)))
    larger[-1, 0, :3] = 1
    masks = [LabelMap(array, Grid.from_spacing(array.shape, SPACING_MM).affine) for array in (reference, larger)]
    with pytest.raises(GeometryError, match="resample"):
        compare(*masks)
    found = compare(*masks, resample=True)
    assert found.left_out == {"voxels_outside_grid": 3}
    assert found.labels == compare(reference, prediction, spacing_mm=SPACING_MM).labels


def test_masked_values_are_not_taken_as_labels():
    reference, prediction = two_masks()
    with pytest.raises(InputError, match="masked values"):
        compare(np.ma.masked_equal(reference, 1), prediction, spacing_mm=SPACING_MM)


def test_ragged_lists_are_refused():
    with pytest.raises(InputError, match="no array of numbers"):
        compare([[1, 2], [3]], [[1, 2], [3]], spacing_mm=(1.0, 1.0))


def test_torch_tensors_of_every_kind():
    torch = pytest.importorskip("torch")
    reference, prediction = two_masks()
    plain = compare(reference, prediction, spacing_mm=SPACING_MM)
    first, second = torch.from_numpy(reference), torch.from_numpy(prediction)
    turned = second.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    for pair in ((first.bool(), second.long()), (first.float().requires_grad_(), second.double()), (first, turned)):
        assert compare(*pair, spacing_mm=SPACING_MM) == plain
    with pytest.raises(InputError, match="no array of numbers"):
        compare(first.bfloat16(), second, spacing_mm=SPACING_MM)


def test_read_only_and_foreign_byte_order():
    reference, prediction = two_masks()
    plain = compare(reference, prediction, spacing_mm=SPACING_MM)
    read_only = reference.copy()
    read_only.flags.writeable = False
    assert compare(read_only, prediction.astype(">u2"), spacing_mm=SPACING_MM) == plain
    assert compare(reference.astype(">f8"), prediction.astype(">i4"), spacing_mm=SPACING_MM) == plain


def test_a_remap_may_swap_labels():
    reference, prediction = two_masks()
    preset = Preset("swap", {1: LabelSpec("one"), 2: LabelSpec("two")}, remap={1: 2, 2: 1}, ignore=300)
    found = compare(reference, np.where(prediction == 1, 2, 0), spacing_mm=SPACING_MM, preset=preset)
    assert {label: (m.reference_voxels, m.prediction_voxels) for label, m in found.labels.items()} == {
        1: (0, 32),
        2: (32, 0),
    }


def test_threads_of_a_service_get_the_same_numbers():
    rng = np.random.default_rng(3)
    masks = [(rng.random((20, 40, 50)) < 0.3).astype(np.uint8) for _ in range(8)]

    def run(place):
        return compare(masks[place], masks[place - 1], spacing_mm=SPACING_MM)

    alone = [run(place) for place in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, list(range(8)) * 4)) == alone * 4


def test_ignored_voxels_are_no_agreement_for_kappa_and_mcc():
    rng = np.random.default_rng(5)
    reference, prediction = (rng.integers(0, 2, (6, 8, 8)).astype(np.uint8) for _ in range(2))
    preset = Preset("half", {1: LabelSpec("one")}, ignore=9)
    ignoring = np.concatenate([reference, np.full_like(reference, 9)])
    found = compare(ignoring, np.concatenate([prediction, prediction]), spacing_mm=(1, 1, 1), preset=preset).labels[1]
    plain = compare(reference, prediction, spacing_mm=(1, 1, 1)).labels[1]
    assert (found.kappa, found.mcc, found.dice) == (plain.kappa, plain.mcc, plain.dice)
