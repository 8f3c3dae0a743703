from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from maskwright.engine.io import read, read_labels, write_dicom_seg
from maskwright.engine.volume import LabelMap, align
from maskwright.errors import FileFormatError, GeometryError, LabelError

hd = pytest.importorskip("highdicom")


@pytest.fixture
def series(make_series: Any, save_series: Any, stored: np.ndarray) -> Path:
    turned = [0.6, 0.8, 0, -0.8, 0.6, 0]
    folder: Path = save_series(make_series(stored, orientation=turned))
    return folder


def make_segmentation(series: Path, array: np.ndarray, kind: str, **options: Any) -> Any:
    """Write with highdicom alone what our reader is to read; array is in the order of the positions."""
    count = array.shape[-1] if array.ndim == 4 else max(1, int(array.max()))
    segments = [
        hd.seg.SegmentDescription(number, f"s{number}", codes.SCT.Tissue, codes.SCT.Tissue, "MANUAL")
        for number in range(1, count + 1)
    ]
    images = sorted(
        (pydicom.dcmread(file) for file in series.iterdir()), key=lambda image: float(image.ImagePositionPatient[2])
    )
    return hd.seg.Segmentation(
        images,
        array,
        kind,
        segments,
        *(generate_uid(), 1, generate_uid(), 1, "test", "test", "1", "0"),
        **options,
    )


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_reads_what_highdicom_writes(series: Path, stored: np.ndarray, tmp_path: Path, kind: str) -> None:
    array = (stored % 4).astype(np.uint8)
    make_segmentation(series, array, kind).save_as(tmp_path / "seg.dcm")
    labels = read_labels(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(labels.array, array)
    np.testing.assert_allclose(labels.affine, read(series).affine, atol=1e-9)


@pytest.mark.parametrize(
    "values",
    [[0, 1], [0, 1, 2, 3], [0, 5, 7], list(range(40)), [0, 300]],
    ids=["one", "three", "gaps", "many", "large"],
)
def test_round_trip(series: Path, stored: np.ndarray, tmp_path: Path, values: list[int]) -> None:
    image = read(series)
    array = np.array(values)[stored % len(values)]
    array[0] = array[-1] = 0  # empty slices at the ends, which a sparse file would lose
    labels = LabelMap(array, image.affine)
    write_dicom_seg(labels, tmp_path / "seg.dcm", series, names={1: "liver"})
    again = read_labels(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(again.array, array)
    assert again.grid.is_same(image.grid)
    kind = pydicom.dcmread(tmp_path / "seg.dcm", stop_before_pixels=True)
    assert kind.SegmentationType == ("BINARY" if len(values) in (2, 4) and values[1] == 1 else "LABELMAP")


@pytest.mark.parametrize("character_set", ["ISO_IR 100", "ISO_IR 192", None])
def test_names_in_any_script_beside_those_of_the_series(
    series: Path, stored: np.ndarray, tmp_path: Path, character_set: str | None
) -> None:
    patient = "Muster" if character_set is None else "Müller^Jürg"
    for file in series.iterdir():
        header = pydicom.dcmread(file)
        if character_set is None:
            header.pop("SpecificCharacterSet", None)
        else:
            header.SpecificCharacterSet = character_set
        header.PatientName = patient
        header.save_as(file)
    write_dicom_seg(LabelMap(stored % 2, read(series).affine), tmp_path / "seg.dcm", series, names={1: "печень"})
    header = pydicom.dcmread(tmp_path / "seg.dcm", stop_before_pixels=True)
    assert header.SegmentSequence[0].SegmentLabel == "печень"
    assert str(header.PatientName) == patient


def test_empty_map_round_trip(series: Path, tmp_path: Path) -> None:
    image = read(series)
    write_dicom_seg(LabelMap(np.zeros(image.array.shape, bool), image.affine), tmp_path / "seg.dcm", series)
    again = read_labels(tmp_path / "seg.dcm")
    assert again.array.shape == image.array.shape
    assert not again.array.any()


def test_turned_labels_are_put_on_the_series_grid(series: Path, stored: np.ndarray, tmp_path: Path) -> None:
    image = read(series)
    assert image.affine is not None
    affine = image.affine[:, [1, 0, 2, 3]].copy()
    affine[:, 3] += affine[:, 0] * (stored.shape[1] - 1)
    affine[:, 0] *= -1
    turned = LabelMap((stored % 3).transpose(1, 0, 2)[::-1], affine)
    write_dicom_seg(turned, tmp_path / "seg.dcm", series)
    np.testing.assert_array_equal(read_labels(tmp_path / "seg.dcm").array, stored % 3)


def test_sparse_file_covers_its_own_slices_only(series: Path, stored: np.ndarray, tmp_path: Path) -> None:
    array = np.zeros(stored.shape, np.uint8)
    array[1, 2:5, 2:5] = array[3, 2:5, 2:5] = 1
    make_segmentation(series, array, "BINARY", omit_empty_frames=True).save_as(tmp_path / "seg.dcm")
    labels = read_labels(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(labels.array, array[1:])  # slice 2 between them is filled in
    image = read(series)
    whole = align(labels, LabelMap(np.zeros(stored.shape, np.uint8), image.affine), resample=True)
    np.testing.assert_array_equal(whole.array, array)


def test_overlap_is_refused(series: Path, stored: np.ndarray, tmp_path: Path) -> None:
    array = np.zeros((*stored.shape, 2), np.uint8)
    array[1, 2:6, 2:6, 0] = array[1, 4:8, 4:8, 1] = 1
    make_segmentation(series, array, "BINARY").save_as(tmp_path / "seg.dcm")
    with pytest.raises(FileFormatError, match="segments overlap"):
        read_labels(tmp_path / "seg.dcm")


def test_fractional_is_refused(series: Path, stored: np.ndarray, tmp_path: Path) -> None:
    make_segmentation(series, (stored / 4096).astype(np.float32)[..., None], "FRACTIONAL").save_as(tmp_path / "seg.dcm")
    with pytest.raises(FileFormatError, match="FRACTIONAL"):
        read_labels(tmp_path / "seg.dcm")


def test_segmentation_is_no_image(series: Path, stored: np.ndarray, tmp_path: Path) -> None:
    make_segmentation(series, (stored % 2).astype(np.uint8), "BINARY").save_as(tmp_path / "seg.dcm")
    with pytest.raises(FileFormatError, match="holds labels, not an image"):
        read(tmp_path / "seg.dcm")
    (tmp_path / "seg.dcm").rename(series / "seg.dcm")
    with pytest.raises(FileFormatError, match=r"seg\.dcm: a DICOM SEG is among the images"):
        read(series)


def test_folder_of_one_segmentation(series: Path, stored: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    make_segmentation(series, (stored % 2).astype(np.uint8), "BINARY").save_as(tmp_path / "export" / "IM0001")
    np.testing.assert_array_equal(read_labels(tmp_path / "export").array, stored % 2)


def test_other_grid_or_label_is_refused_and_nothing_is_left(series: Path, stored: np.ndarray, tmp_path: Path) -> None:
    image = read(series)
    assert image.affine is not None
    before = sorted(tmp_path.iterdir())
    shifted = image.affine.copy()
    shifted[0, 3] += 0.3
    with pytest.raises(GeometryError, match="different grids"):
        write_dicom_seg(LabelMap(stored % 2, shifted), tmp_path / "seg.dcm", series)
    with pytest.raises(LabelError, match="65535"):
        write_dicom_seg(LabelMap((stored % 2).astype(int) * 70000, image.affine), tmp_path / "seg.dcm", series)
    assert sorted(tmp_path.iterdir()) == before
