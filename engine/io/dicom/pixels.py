"""The pixels of DICOM slices: decompressed by a named decoder, rescaled as the header says."""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.codestream import ImageSize, codestream_size
from maskwright.engine.io.dicom.files import DicomFile
from maskwright.engine.io.quiet import quiet_libraries
from maskwright.errors import FileFormatError, MissingExtraError

_RLE = "1.2.840.10008.1.2.5"
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_JPEG_2000 = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 201, 202, 203))
_WIDE_SAMPLE = 4  # bytes that the decoders of JPEG 2000 and JPEG-LS take for one meanwhile
_TILE_BYTES, _PRECINCT_BYTES = 10_000, 600  # that OpenJPEG takes for each, before it decodes one
_PARTS_ROOM = 1 << 24
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
        with quiet_libraries():
            dataset = pydicom.dcmread(path)
            dataset.pixel_array_options(decoding_plugin=_decoder(path, dataset.file_meta.TransferSyntaxUID))
            require_own_sizes(path, dataset)
            return np.asarray(dataset.pixel_array)
    except (FileFormatError, MissingExtraError):
        raise
    except Exception as error:  # damaged pixels can fail anywhere in pydicom and its decoders
        raise FileFormatError(f"{path}: its pixels are damaged or cut off ({type(error).__name__})") from error


def require_own_sizes(path: Path, dataset: Any) -> None:
    """Refuse compressed frames that say another size of themselves than the header does: they decode to their own.

    Raises
    ------
    FileFormatError
        A frame differs in rows, columns, components or bytes a sample, or is damaged, or has far too many tiles.
    """
    from pydicom.encaps import generate_frames

    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return
    rows, columns, components = (int(dataset.get(f, 1)) for f in ("Rows", "Columns", "SamplesPerPixel"))
    expected = ImageSize(rows, columns, components, int(dataset.BitsAllocated))
    offsets = None
    if "ExtendedOffsetTable" in dataset:
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    count = int(dataset.get("NumberOfFrames") or 1)
    for frame in generate_frames(dataset.PixelData, number_of_frames=count, extended_offsets=offsets):
        fits = _run_lengths_fit(frame, expected) if syntax == _RLE else _codestream_fits(frame, expected)
        if not fits:
            raise FileFormatError(f"{path}: its pixels are damaged, or compressed in another size than its header says")


def _codestream_fits(frame: bytes, expected: ImageSize) -> bool:
    size = codestream_size(frame)
    if size is None:
        return False
    if size.tiles * _TILE_BYTES + size.precincts * _PRECINCT_BYTES > 4 * size.nbytes + _PARTS_ROOM:
        return False
    same = (size.rows, size.columns, size.components) == (expected.rows, expected.columns, expected.components)
    return same and 0 < size.bits <= expected.bits


def _run_lengths_fit(frame: bytes, expected: ImageSize) -> bool:
    """Tell whether run lengths (PS3.5, annex G) unpack to at most twice the frame; a little more is common."""
    count, *starts = struct.unpack_from("<16I", frame)
    left, starts = 2 * expected.nbytes, [*starts[:count], len(frame)]
    for at, end in pairwise(starts):
        while at < min(end, len(frame)):
            run = frame[at]
            left -= run + 1 if run < 128 else 257 - run
            at += run + 2 if run < 128 else 2
            if left < 0:
                return False
    return int(count) < 16


def working_bytes(file: DicomFile) -> int:
    """Return how many bytes ``read_pixels`` takes at most for one file, its result included."""
    header, pixels = file.header, int(file.header.Rows) * int(file.header.Columns)
    decoded = pixels * (int(header.BitsAllocated) // 8)
    stored = file.path.stat().st_size
    if not header.file_meta.TransferSyntaxUID.is_encapsulated:
        return stored + decoded
    return 2 * stored + 2 * decoded + pixels * _WIDE_SAMPLE


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
