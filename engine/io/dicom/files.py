"""Find DICOM files and read those header fields that the readers need; none of them names a patient."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.engine.io.memory import reserve_memory
from maskwright.engine.io.quiet import quiet_libraries
from maskwright.errors import CapacityError, FileFormatError, LimitError

_PREAMBLE, _MAGIC = 128, b"DICM"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # Segmentation, Label Map Segmentation

_DEFLATED = "1.2.840.10008.1.2.1.99"
_LARGEST_INFLATED = 1 << 26
_CHUNK = 1 << 20

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


def is_dicom(path: Path) -> bool:
    """Tell whether a file has DICOM's preamble, or a name that says it should."""
    if path.suffix.lower() == ".dcm":
        return True
    try:
        with path.open("rb") as file:
            return file.read(_PREAMBLE + len(_MAGIC))[_PREAMBLE:] == _MAGIC
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
        It is no DICOM file, or a damaged one, or one that is deflated as a whole and large.
    """
    import pydicom

    try:
        with quiet_libraries():
            _require_small_inflated(path)
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
            for field in _TAGS:
                header.get(field)  # a value is parsed on first use
    except (FileFormatError, LimitError, CapacityError):
        raise
    except Exception as error:  # a damaged header can fail anywhere in pydicom
        raise FileFormatError(f"{path}: not a DICOM file, or a damaged one ({type(error).__name__})") from error
    return DicomFile(path, header)


def _require_small_inflated(path: Path) -> None:
    """Refuse a file that is deflated as a whole and unpacks to too much: pydicom unpacks it even for its header."""
    from pydicom.filereader import read_dataset

    with path.open("rb") as file:
        file.seek(_PREAMBLE + len(_MAGIC))
        meta = read_dataset(file, False, True, stop_when=lambda tag, *_: tag.group != 2)
        if meta.get("TransferSyntaxUID") != _DEFLATED:
            return
        inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while packed := inflater.unconsumed_tail or file.read(_CHUNK):
            size += len(inflater.decompress(packed, _CHUNK))
            if size > _LARGEST_INFLATED:
                most = _LARGEST_INFLATED >> 20
                raise FileFormatError(f"{path}: deflated as a whole, it unpacks to over {most} MiB: save it undeflated")
    reserve_memory(path, 2 * size)  # the whole, and the values of its elements
