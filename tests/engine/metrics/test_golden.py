"""The three conventions against numbers that the peers gave (tests/golden/surface_metrics.toml)."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from maskwright.engine.metrics.compare import compare

GOLDEN = tomllib.loads((Path(__file__).parents[2] / "golden" / "surface_metrics.toml").read_text())
CONVENTIONS = ("metrics-reloaded", "medpy", "deepmind")
# MONAI computes in float32; the two others in float64.
RELATIVE = {"metrics-reloaded": 1e-6, "medpy": 1e-12, "deepmind": 1e-9}


def paint(boxes):
    mask = np.zeros(GOLDEN["shape"], np.uint8)
    for lower, upper, value in boxes:
        mask[tuple(slice(*bounds) for bounds in zip(lower, upper, strict=True))] = value
    return mask


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_golden_numbers(name, convention):
    case = GOLDEN["cases"][name]
    reference, prediction = paint(case["reference"]), paint(case["prediction"])
    result = compare(
        reference,
        prediction,
        spacing_mm=tuple(GOLDEN["spacing_mm"]),
        tolerance_mm=case["tolerance_mm"],
        convention=convention,
    )
    label = result.labels[1]
    assert [label.reference_voxels, label.prediction_voxels] == case["voxels"]
    found = {column: label.values[column] for column in case[convention]}
    assert found == pytest.approx(case[convention], rel=RELATIVE[convention], abs=1e-12)


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_medpy_has_no_surface_dice(name):
    case = GOLDEN["cases"][name]
    result = compare(
        paint(case["reference"]), paint(case["prediction"]), spacing_mm=(2.0, 1.0, 1.0), convention="medpy"
    )
    values = result.labels[1].values
    assert all(values[column] is None for column in ("nsd", "boundary_iou", "masd") if column in values)
    assert '"nsd": null' in result.to_json()


def test_three_steps_of_0_8_mm_count_as_2_4_mm():
    """3 x 0.8 is 2.4000000000000004 in binary: the default forgives that, ``deepmind`` is exact and does not."""
    reference = np.zeros((12, 12), np.uint8)
    reference[3, 3] = 1
    prediction = np.roll(reference, 3, axis=0)
    nsd = {
        convention: compare(reference, prediction, spacing_mm=(0.8, 0.8), tolerance_mm=2.4, convention=convention)
        .labels[1]
        .nsd
        for convention in ("metrics-reloaded", "deepmind")
    }
    assert nsd["metrics-reloaded"] == 1.0
    # surface-distance 0.1 on the same masks: two of the four corners of each voxel are 1.6 mm away, two 2.4 mm.
    assert nsd["deepmind"] == pytest.approx(0.5, rel=1e-12)
