from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Reading:
    """What reading a file took in another process: its peak, what it reserved, the array, all in bytes; its error."""

    peak: int
    reserved: int
    array: int
    error: str


Measure = Callable[..., Reading]

READING_PROCESS = """
import json, re, sys
from maskwright.engine.io import read, read_labels, reserve_with
from maskwright.errors import MaskwrightError

def memory(which):
    return int(re.search(which + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) << 10

for line in sys.stdin:
    path, reader = json.loads(line)
    open("/proc/self/clear_refs", "w").write("5")
    before, reserved, size, error = memory("VmRSS"), [], 0, ""
    try:
        with reserve_with(reserved.append):
            size = {"read": read, "read_labels": read_labels}[reader](path).array.nbytes
    except MaskwrightError as raised:
        error = str(raised)
    print(json.dumps([memory("VmHWM") - before, sum(reserved), size, error]), flush=True)
"""


@pytest.fixture(scope="session")
def measure() -> Iterator[Measure]:
    """Read a file in a process that does nothing else, whose large arrays go back to the system at once."""
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
    command = [sys.executable, "-c", READING_PROCESS]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdin is not None
    assert process.stdout is not None
    requests, answers = process.stdin, process.stdout

    def ask(path: Path, reader: str = "read") -> Reading:
        print(json.dumps([str(path), reader]), file=requests, flush=True)
        return Reading(*json.loads(answers.readline()))

    yield ask
    process.kill()
    process.wait()
