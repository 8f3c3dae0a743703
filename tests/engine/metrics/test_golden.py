"""The definitions against numbers that the peers gave and that papers print (tests/golden)."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from maskwright.engine.config import LabelSpec, Preset
from maskwright.engine.metrics.compare import compare

FOLDER = Path(__file__).parents[2] / "golden"
GOLDEN = tomllib.loads((FOLDER / "surface_metrics.toml").read_text())
FIGURES = tomllib.loads((FOLDER / "published_figures.toml").read_text())["figures"]
CONVENTIONS = ("metrics-reloaded", "medpy", "deepmind")
# MONAI computes in float32; the two others in float64.
RELATIVE = {"metrics-reloaded": 1e-6, "medpy": 1e-12, "deepmind": 1e-9}


def paint(boxes, shape=GOLDEN["shape"]):
    mask = np.zeros(shape, np.uint8)
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
    assert all(values[column] is None for column in ("nsd", "boundary_iou"))
    assert '"nsd": null' in result.to_json()


@pytest.mark.parametrize("name", FIGURES)
def test_published_figures(name):
    figure = FIGURES[name]
    masks = [paint(figure[side], figure["shape"]) for side in ("reference", "prediction")]
    preset = Preset("vessels", {1: LabelSpec("vessel", tubular=True)})
    result = compare(*masks, spacing_mm=(1.0, 1.0), tolerance_mm=figure.get("tolerance_mm"), preset=preset)
    value = result.labels[1].values[figure["column"]]
    assert value == pytest.approx(figure["value"], abs=5e-5)
    assert value == pytest.approx(figure["printed"], abs=5e-3)


@pytest.mark.parametrize(
    ("tolerance_mm", "expected"),
    [(0.0, math.nan), (0.4, 0.0), (0.8, 0.0), (0.8 * (1 + 1e-8), 52 / 156), (2.4, 96 / 192)],
)
def test_boundaries_are_nearer_than_the_tolerance(tolerance_mm, expected):
    """Of squares of 16 and 14 pixels of 0.8 mm, ring by ring: at one pixel a boundary is the surface alone."""
    reference, prediction = np.zeros((2, 20, 20), np.uint8)
    reference[2:18, 2:18], prediction[3:17, 3:17] = 1, 1
    result = compare(reference, prediction, spacing_mm=(0.8, 0.8), tolerance_mm=tolerance_mm)
    assert result.labels[1].boundary_iou == pytest.approx(expected, nan_ok=True)


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
