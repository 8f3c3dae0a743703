"""The pixels of DICOM slices: decompressed by a named decoder, rescaled as the header says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.dicom_files import DicomFile, quiet
from maskwright.errors import FileFormatError, MissingExtraError

_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_JPEG_2000 = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 201, 202, 203))
_DECODERS = dict.fromkeys(_JPEG_LS, "pyjpegls") | dict.fromkeys(_JPEG_2000, "pylibjpeg")


def read_pixels(path: Path) -> NDArray[Any]:
    """Return the stored pixels of one single-frame file, (row, column).

    Raises
    ------
    MissingExtraError
        It is compressed as JPEG-LS or JPEG 2000 and the decoder of the ``dicom`` extra is not installed.
    FileFormatError
        It is compressed in a way that no installed decoder knows, or damaged.
    """
    import pydicom

    try:
        with quiet():
            dataset = pydicom.dcmread(path)
            dataset.pixel_array_options(decoding_plugin=_decoder(path, dataset.file_meta.TransferSyntaxUID))
            return np.asarray(dataset.pixel_array)
    except (FileFormatError, MissingExtraError):
        raise
    except Exception as error:  # damaged pixels can fail anywhere in pydicom and its decoders
        raise FileFormatError(f"{path}: its pixels are damaged or cut off ({type(error).__name__})") from error


def _decoder(path: Path, syntax: Any) -> str:
    """Return the name of the decoder to use, "" for pydicom's own choice."""
    from pydicom.pixels import get_decoder

    if not syntax.is_compressed:
        return ""
    available = get_decoder(syntax).available_plugins
    wanted = _DECODERS.get(str(syntax), "")
    if wanted and wanted not in available:
        raise MissingExtraError(wanted, "dicom")
    if not available:
        raise FileFormatError(
            f"{path}: compressed as {syntax.name}, which no installed decoder reads: pip install python-gdcm, "
            "or decompress the series first (dcmdjpeg)"
        )
    return wanted


def rescaling(file: DicomFile) -> tuple[float, float]:
    """Return the slope and intercept from stored to real values; 1 and 0 where the header has none."""
    if file.header.get("ModalityLUTSequence"):
        raise FileFormatError(f"{file.path}: a modality lookup table is not supported: convert the series to NIfTI")
    slope, intercept = (file.header.get(field) for field in ("RescaleSlope", "RescaleIntercept"))
    return float(1 if slope is None else slope), float(0 if intercept is None else intercept)


def rescaled_type(files: list[DicomFile], scalings: list[tuple[float, float]]) -> np.dtype[Any]:
    """Return the type that holds the rescaled values of all slices.

    The stored one where nothing is rescaled, int16 or int32 where every slope and intercept is whole (CT), else
    float32.
    """
    header = files[0].header
    bits, signed = int(header.BitsStored), int(header.PixelRepresentation) == 1
    if all(scaling == (1, 0) for scaling in scalings):
        return np.dtype(f"{'i' if signed else 'u'}{int(header.BitsAllocated) // 8}")
    if not all(value.is_integer() for scaling in scalings for value in scaling):
        return np.dtype(np.float32)
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    values = [slope * end + intercept for slope, intercept in scalings for end in ends]
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min <= min(values) and max(values) <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float64)
