"""A DICOM series: a folder of slices, or one file of one or of many frames.

Slices are read as (slice, row, column) = (z, y, x), z along the slice normal; one slice alone is a plane (y, x).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.dicom.files import (
    RTSTRUCT,
    SEGMENTATIONS,
    DicomFile,
    dicom_files,
    is_dicom,
    read_header,
)
from maskwright.engine.io.dicom.geometry import from_highdicom, plane_affine, require_one_kind, stacked
from maskwright.engine.io.dicom.pixels import (
    read_pixels,
    require_own_sizes,
    rescaled_type,
    rescaling,
    working_bytes,
)
from maskwright.engine.io.memory import new_array, reserve_memory
from maskwright.engine.io.quiet import quiet_libraries
from maskwright.engine.volume import Grid, Source, Volume
from maskwright.errors import FileFormatError, GeometryError, MissingExtraError

NAME = "DICOM series"
_BLOCK = 1 << 18  # pixels rescaled in one go


def recognize(path: Path) -> bool:
    """Tell whether it is a folder or a DICOM file."""
    return path.is_dir() or is_dicom(path)


def read_series(path: Path) -> Volume:
    """Read a series, its values rescaled as the headers say (see ``rescaled_type``).

    Raises
    ------
    FileFormatError
        No DICOM file, no images (RTSTRUCT and others by name), colour, or damaged pixels.
    GeometryError
        Not one regular grid: see ``stacked``.
    """
    files = series_files(path)
    if int(files[0].header.get("NumberOfFrames") or 1) > 1:
        return _read_frames(path, files[0])
    if len(files) == 1:
        affine = plane_affine(files[0])
        spacing = files[0].numbers("PixelSpacing")
        array = _rescaled(path, files)[0]
        if affine is None and spacing is not None:
            affine = Grid.from_spacing(array.shape, spacing).affine
        return Volume(array, affine, Source(path, NAME))
    files, affine = stacked(path, files)
    return Volume(_rescaled(path, files), affine, Source(path, NAME))


def series_files(path: Path) -> list[DicomFile]:
    """Return the files of one image series, unsorted, with their headers; all of one size and kind."""
    paths = dicom_files(path)
    if not paths:
        folders = sum(entry.is_dir() for entry in path.iterdir())
        hint = f"; it holds {folders} folders: give one of them" if folders else ""
        raise FileFormatError(f"{path}: no DICOM files in this folder{hint}")
    files = [read_header(file) for file in paths]
    for file in files:
        _require_image(file, alone=len(files) == 1)
    require_one_kind(path, files, "more than one series", lambda file: file.header.get("SeriesInstanceUID"), show=False)
    require_one_kind(path, files, "the slices differ in size", _size)
    require_one_kind(path, files, "the slices differ in pixel type", _pixel_type)
    return files


def _size(file: DicomFile) -> str:
    return f"{file.header.Rows} x {file.header.Columns}"


def _pixel_type(file: DicomFile) -> str:
    signed = "signed" if file.header.get("PixelRepresentation") == 1 else "unsigned"
    return f"{file.header.get('BitsAllocated')} bits, {signed}"


def _require_image(file: DicomFile, *, alone: bool) -> None:
    header = file.header
    if header.get("SOPClassUID") == RTSTRUCT:
        raise FileFormatError(
            f"{file.path}: RTSTRUCT holds contours, not voxels, and is not supported: convert it to DICOM SEG or NIfTI"
        )
    if header.get("SOPClassUID") in SEGMENTATIONS:
        raise FileFormatError(
            f"{file.path}: a DICOM SEG is among the images: give the file itself, or the images alone"
        )
    if not header.get("Rows") or not header.get("Columns") or header.get("BitsAllocated") not in (8, 16, 32):
        raise FileFormatError(f"{file.path}: holds no image: expected Rows, Columns and 8, 16 or 32 bits a pixel")
    if header.get("SamplesPerPixel", 1) != 1 or not str(header.get("PhotometricInterpretation")).startswith("MONO"):
        raise FileFormatError(f"{file.path}: colour DICOM is not supported: save the image as PNG or TIFF")
    if not alone and int(header.get("NumberOfFrames") or 1) > 1:
        raise FileFormatError(f"{file.path}: a file of many frames among others: give the file itself")


def _rescaled(path: Path, files: list[DicomFile]) -> NDArray[Any]:
    scalings = [rescaling(file) for file in files]
    shape = (len(files), int(files[0].header.Rows), int(files[0].header.Columns))
    dtype = rescaled_type(files, scalings)
    reserve_memory(path, max(working_bytes(file) for file in files))  # one slice at a time
    out = new_array(path, shape, dtype)
    for target, file, scaling in zip(out, files, scalings):
        _read_slice(file, scaling, target)
    return out


def _read_slice(file: DicomFile, scaling: tuple[float, float], target: NDArray[Any]) -> None:
    """Read one file into its slice of the array, rescaled a few rows at a time."""
    pixels, (slope, intercept) = read_pixels(file.path), scaling
    if pixels.shape != target.shape:
        raise FileFormatError(f"{file.path}: expected {target.shape} pixels, got {pixels.shape}")
    if slope == 1 and intercept == 0:
        target[...] = pixels
        return
    step = max(1, _BLOCK // target.shape[1])
    for top in range(0, len(target), step):
        target[top : top + step] = pixels[top : top + step] * np.float64(slope) + intercept


def _read_frames(path: Path, first: DicomFile) -> Volume:
    """Read an enhanced (multi-frame) file; float32, rescaled."""
    try:
        import highdicom
    except ImportError as error:
        raise MissingExtraError("highdicom", "dicom") from error
    file, header = dicom_files(path)[0], first.header
    voxels = int(header.NumberOfFrames) * int(header.Rows) * int(header.Columns)
    reserve_memory(path, file.stat().st_size + voxels * np.dtype(np.float32).itemsize)
    with quiet_libraries():
        image = highdicom.imread(file)
        require_own_sizes(path, image)
        try:
            volume = image.get_volume(
                dtype=np.float32, apply_real_world_transform=False, apply_presentation_lut=False, rtol=0.02
            )
        except (RuntimeError, ValueError) as error:
            raise GeometryError(f"{path}: the frames do not make one regular grid of slices") from error
    return Volume(*from_highdicom(volume), Source(path, NAME))
