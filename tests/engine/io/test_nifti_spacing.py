"""Spacings that a NIfTI file stores in 32 bits count as the decimals they stand for."""

import numpy as np
import pytest

import maskwright as mw


def turned(spacing: tuple[float, ...], angle: float) -> np.ndarray:
    """An affine for (z, y, x) indices whose axes are turned around the first of them."""
    affine = np.zeros((4, 4))
    affine[2, 0] = spacing[0]
    affine[:2, 1] = np.array([np.sin(angle), np.cos(angle)]) * spacing[1]
    affine[:2, 2] = np.array([np.cos(angle), -np.sin(angle)]) * spacing[2]
    affine[:, 3] = (-31.7, 12.3, 5.1, 1)
    return affine


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.1])
def test_spacing_survives_a_file(tmp_path, angle):
    spacing = (2.5, 0.8, 0.7)
    mw.write(mw.LabelMap(np.ones((3, 4, 5), np.uint8), turned(spacing, angle)), tmp_path / "mask.nii.gz")
    assert mw.read_labels(tmp_path / "mask.nii.gz").spacing_mm == spacing


def test_three_steps_of_a_stored_spacing_are_within_the_tolerance(tmp_path):
    """3 x 0.8 mm against 2.4 mm: the file says 0.800000011920929."""
    reference, prediction = np.zeros((2, 4, 12), np.uint8), np.zeros((2, 4, 12), np.uint8)
    reference[:, :, 2], prediction[:, :, 5] = 1, 1
    for name, mask in (("reference", reference), ("prediction", prediction)):
        mw.write(mw.LabelMap(mask, turned((2.0, 1.0, 0.8), 0.0)), tmp_path / f"{name}.nii.gz")
    masks = [mw.read_labels(tmp_path / f"{name}.nii.gz") for name in ("reference", "prediction")]
    assert mw.compare(*masks, tolerance_mm=2.4).labels[1].nsd == 1.0
    assert mw.compare(*masks, tolerance_mm=2.3999).labels[1].nsd == 0.0
