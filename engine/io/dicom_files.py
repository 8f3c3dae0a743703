"""Find DICOM files and read what the readers need of their headers, and nothing that names a patient."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.errors import FileFormatError

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # Segmentation, Label Map Segmentation

_TAGS = [
    *("SOPClassUID", "SeriesInstanceUID", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel"),
    *("PhotometricInterpretation", "BitsAllocated", "BitsStored", "PixelRepresentation", "ModalityLUTSequence"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"),
]


@dataclass(frozen=True)
class DicomFile:
    """One file and the header fields of ``_TAGS``."""

    path: Path
    header: Any

    @property
    def name(self) -> str:
        """The file's name, by which errors call it."""
        return self.path.name

    def numbers(self, field: str) -> list[float] | None:
        """Return a field of several numbers, or None where it is absent or empty."""
        value = self.header.get(field)
        return [float(number) for number in value] if value else None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to themselves what pydicom and highdicom warn of and log: it quotes the values that it is about."""
    logs = [logging.getLogger(name) for name in ("pydicom", "highdicom")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels):
            log.setLevel(level)


def is_dicom(path: Path) -> bool:
    """Tell whether a file has DICOM's preamble, or a name that says it should."""
    if path.suffix.lower() == ".dcm":
        return True
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def dicom_files(path: Path) -> list[Path]:
    """Return the file itself, or the DICOM files of a folder (not of the folders in it) by name."""
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.iterdir()
        if file.is_file() and not file.name.startswith(".") and file.name != "DICOMDIR" and is_dicom(file)
    )


def read_header(path: Path) -> DicomFile:
    """Read the header fields of one file.

    Raises
    ------
    FileFormatError
        It is no DICOM file, or a damaged one.
    """
    import pydicom

    try:
        with quiet():
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
            for field in _TAGS:
                header.get(field)  # values are parsed when they are asked for
    except Exception as error:  # a damaged header can fail anywhere in pydicom
        raise FileFormatError(f"{path}: not a DICOM file, or a damaged one ({type(error).__name__})") from error
    return DicomFile(path, header)
