from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskwright.engine.io import read, read_labels, write
from maskwright.engine.volume import align

DATA = Path(__file__).resolve().parents[3] / "../shared/data"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not (DATA / "volumes").is_dir(), reason="needs the shared development data"),
]


def test_brain() -> None:
    image, labels = read(DATA / "volumes/brain1_image.nrrd"), read_labels(DATA / "volumes/brain1_label.nrrd")
    # The README of the data: 25 x 256 x 256, 6.5 mm slices, one tumour of 4,137 voxels.
    assert image.array.shape == labels.array.shape == (25, 256, 256)
    assert labels.spacing_mm == (6.5, 0.78125, 0.78125)
    assert image.grid.is_same(labels.grid)
    assert np.unique(labels.array).tolist() == [0, 1]
    assert np.count_nonzero(labels.array) == 4137


def test_abdomen() -> None:
    image, labels = read(DATA / "volumes/example_ct_sm.nii.gz"), read_labels(DATA / "volumes/example_seg.nii.gz")
    # The README of the data: 122 x 101 x 30 as (x, y, z), 42 label values, of them 1 spleen, 5 liver, 20 and 86.
    assert image.array.shape == labels.array.shape == (30, 101, 122)
    assert labels.spacing_mm == (3.0, 3.0, 3.0)
    assert image.grid.is_same(labels.grid)
    values = np.unique(labels.array)
    assert len(values) == 42
    assert {0, 1, 5, 20, 86} <= set(values.tolist())
    # The liver lies on the right of the patient (larger x in RAS+), the spleen on the left.
    assert labels.affine is not None
    liver, spleen = (labels.affine[0] @ [*np.argwhere(labels.array == label).mean(axis=0), 1] for label in (5, 1))
    assert liver > spleen


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".tif", ".ome.zarr"])
def test_round_trip_through_every_volume_format(tmp_path: Path, ending: str) -> None:
    labels = read_labels(DATA / "volumes/example_seg.nii.gz")
    write(labels, tmp_path / f"seg{ending}")
    again = align(read_labels(tmp_path / f"seg{ending}"), labels)
    np.testing.assert_array_equal(again.array, labels.array)


def test_nuclei() -> None:
    # The README of the data: 125 instances; the files say nothing about the size of a pixel.
    labels = read_labels(DATA / "nuclei/mask2d.tif")
    assert len(np.unique(labels.array)) - 1 == 125
    assert labels.spacing_mm is None
    assert read(DATA / "nuclei/img2d.tif").array.shape == labels.array.shape
