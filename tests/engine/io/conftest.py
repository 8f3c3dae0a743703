from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SECRET = "DOE^JANE"
"""The patient's name in every file made here: no message may hold it."""

MakeSeries = Callable[..., list[Dataset]]
SaveSeries = Callable[..., Path]


def _slice(pixels: np.ndarray, position: Sequence[float], orientation: Sequence[float], number: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = SECRET, "12345", "", "O"
    dataset.StudyDate = dataset.StudyTime = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", 1, number
    dataset.Modality, dataset.Manufacturer = "CT", "test"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = list(position), list(orientation)
    dataset.PixelSpacing, dataset.SliceThickness = [0.75, 0.5], 2.5
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.PixelData = pixels.astype("<u2").tobytes()
    return dataset


@pytest.fixture
def make_series() -> MakeSeries:
    """Make the slices of one series, in order along the normal; nothing is written."""

    def make(
        stored: np.ndarray,
        *,
        origin: Sequence[float] = (-10.0, -20.0, 30.0),
        orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
        step: Sequence[float] | None = None,
    ) -> list[Dataset]:
        row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
        advance = np.cross(row, column) * 2.5 if step is None else np.array(step, float)
        study, series, frame = (generate_uid() for _ in range(3))
        slices = []
        for number, pixels in enumerate(stored):
            dataset = _slice(pixels, np.array(origin) + number * advance, orientation, number + 1)
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
            slices.append(dataset)
        return slices

    return make


@pytest.fixture
def save_series(tmp_path: Path) -> SaveSeries:
    """Save slices to a folder under names whose order says nothing about their place: s0, s1, ... from the last."""

    def save(slices: Sequence[Dataset], folder: str = "series") -> Path:
        target = tmp_path / folder
        target.mkdir()
        for number, dataset in enumerate(reversed(slices)):
            pydicom.dcmwrite(target / f"s{number}.dcm", dataset, enforce_file_format=True)
        return target

    return save


@pytest.fixture
def stored() -> np.ndarray:
    """Pixels of a series, (slice, row, column), 12 bits."""
    values: Any = np.random.default_rng(0).integers(0, 4096, (4, 40, 48))
    return np.asarray(values, np.uint16)
