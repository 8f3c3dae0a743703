"""DICOM SEG: label maps that belong to a DICOM series.

The label of a voxel is its segment number. A SEG may leave out slices without segments: those within its stack are
read as 0, those beyond its ends are not in the file, so that its grid can be shorter than the series'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maskwright.engine.io.dicom.files import SEGMENTATIONS, dicom_files, is_dicom, read_header
from maskwright.engine.io.dicom.geometry import from_highdicom, stacked
from maskwright.engine.io.dicom.pixels import require_own_sizes
from maskwright.engine.io.dicom.series import series_files
from maskwright.engine.io.memory import reserve_memory
from maskwright.engine.io.quiet import quiet_libraries
from maskwright.engine.storage import atomic_file, storing
from maskwright.engine.volume import LabelMap, Source, align
from maskwright.errors import FileFormatError, GeometryError, LabelError, MissingExtraError

if TYPE_CHECKING:
    import highdicom

NAME = "DICOM SEG"
_MOST_BINARY = 8  # segments; a BINARY file takes one bit a voxel for each, a LABELMAP file 8 or 16 bits for all
_LARGEST_LABEL = 65535


def recognize(path: Path) -> bool:
    """Tell whether it is a DICOM SEG file, or a folder whose only DICOM file is one."""
    if path.is_file() and not is_dicom(path):
        return False
    files = dicom_files(path)
    if len(files) != 1:
        return False
    try:
        return read_header(files[0]).header.get("SOPClassUID") in SEGMENTATIONS
    except FileFormatError:
        return False


def read_dicom_seg(path: Path) -> LabelMap:
    """Read a BINARY or LABELMAP segmentation.

    Raises
    ------
    FileFormatError
        FRACTIONAL, of a slide (tiled), or with overlapping segments.
    GeometryError
        Its frames are not one regular grid of slices.
    MissingExtraError
        highdicom is not installed.
    """
    hd = _highdicom()
    file = dicom_files(path)[0]
    reserve_memory(path, file.stat().st_size)
    with quiet_libraries():
        segmentation = hd.seg.segread(file)
        require_own_sizes(path, segmentation)
        if segmentation.segmentation_type == hd.seg.SegmentationTypeValues.FRACTIONAL:
            raise FileFormatError(f"{path}: FRACTIONAL segmentations are not supported: save it as BINARY or LABELMAP")
        if segmentation.is_tiled:
            raise FileFormatError(f"{path}: segmentations of slides (tiled) are not supported here")
        geometry = segmentation.get_volume_geometry(rtol=0.02, allow_missing_positions=True)
        if geometry is None:
            raise GeometryError(f"{path}: the frames do not make one regular grid of slices")
        reserve_memory(path, math.prod(geometry.spatial_shape) * (1 if len(segmentation.segment_numbers) < 256 else 2))
        try:
            volume = segmentation.get_volume(combine_segments=True, rtol=0.02)
        except RuntimeError as error:
            if "overlap" not in str(error):
                raise
            raise FileFormatError(f"{path}: its segments overlap, which one label map cannot hold: split it") from error
    return LabelMap(*from_highdicom(volume), Source(path, NAME))


def write_dicom_seg(labels: LabelMap, path: Path, series: Path, names: Mapping[int, str] | None = None) -> None:
    """Write a label map as a segmentation of a DICOM series; an existing file is replaced whole.

    BINARY where the labels are 1 to n with n at most 8, else LABELMAP, which keeps any label as it is. Every slice of
    the series is stored, also an empty one, so that reading gives the grid of the series back. A map without labels
    is stored as one empty segment.

    Parameters
    ----------
    labels : LabelMap
        On the grid of the series (in any axis order and direction), labels up to 65,535.
    path : path
        The file to write, by custom ``.dcm``.
    series : path
        The folder of the series: two slices or more, each in one file.
    names : mapping of int to str, optional
        What the labels are called; "label 5" where it says nothing.

    Raises
    ------
    GeometryError
        The labels lie on another grid than the series.
    LabelError
        A label is above 65,535.
    StorageError
        The disk is full, or the folder cannot be written to.
    MissingExtraError
        highdicom is not installed.
    """
    path, series = Path(path), Path(series)
    hd = _highdicom()
    files = series_files(series)
    if len(files) < 2:
        raise GeometryError(f"{series}: expected a series of two slices or more, each in one file")
    files, affine = stacked(series, files)
    shape = (len(files), int(files[0].header.Rows), int(files[0].header.Columns))
    array = align(labels, LabelMap(np.zeros(shape, np.uint8), affine)).array
    present = [int(label) for label in np.unique(array) if label] or [1]
    if present[-1] > _LARGEST_LABEL:
        raise LabelError(f"DICOM SEG holds labels up to {_LARGEST_LABEL}, got {present[-1]}")
    if not path.absolute().parent.is_dir():
        raise FileFormatError(f"{path}: the folder to write to does not exist")
    with quiet_libraries():
        segmentation = _segmentation(hd, [file.path for file in files], array, present, names or {})
        with storing(str(path)), atomic_file(path) as unfinished:
            segmentation.save_as(unfinished)


def _segmentation(
    hd: Any, slices: list[Path], array: np.ndarray[Any, Any], present: list[int], names: Mapping[int, str]
) -> highdicom.seg.Segmentation:
    import pydicom
    from pydicom.sr.codedict import codes

    binary = present == list(range(1, len(present) + 1)) and len(present) <= _MOST_BINARY
    release = version("maskwright")
    algorithm = hd.AlgorithmIdentificationSequence("Maskwright", codes.cid7162.ArtificialIntelligence, release)
    segments = [
        hd.seg.SegmentDescription(
            segment_number=label,
            segment_label=names.get(label, f"label {label}"),
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Tissue,
            algorithm_type="SEMIAUTOMATIC",
            algorithm_identification=algorithm,
        )
        for label in present
    ]
    return hd.seg.Segmentation(
        source_images=[pydicom.dcmread(file, stop_before_pixels=True) for file in slices],
        pixel_array=np.ascontiguousarray(array, dtype=np.uint8 if present[-1] < 256 else np.uint16),
        segmentation_type="BINARY" if binary else "LABELMAP",
        segment_descriptions=segments,
        series_instance_uid=hd.UID(),
        series_number=1,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="Maskwright",
        manufacturer_model_name="Maskwright",
        software_versions=release,
        device_serial_number="0",
        omit_empty_frames=False,
        specific_character_set="ISO_IR 192",  # names may be in any script, also beside a Latin series
    )


def _highdicom() -> Any:
    try:
        import highdicom
    except ImportError as error:
        raise MissingExtraError("highdicom", "dicom") from error
    return highdicom
