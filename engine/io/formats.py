"""The table of formats, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from maskwright.engine.io import dicom_seg, dicom_series, nifti, nrrd_file, ome_zarr, png, tiff
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import FileFormatError


@dataclass(frozen=True)
class Format:
    """One file format.

    ``matches`` looks at the name, and at the start of the content where a name says nothing; ``read`` gives the
    voxels as they are stored; ``read_labels`` is there where labels are read in another way than images; None stands
    for what the format cannot do. ``endings`` are the names that ``write`` is chosen by; ``color`` tells whether it
    can write colour images.
    """

    name: str
    endings: tuple[str, ...]
    matches: Callable[[Path], bool]
    read: Callable[[Path], Volume] | None = None
    read_labels: Callable[[Path], LabelMap] | None = None
    write: Callable[[Volume | LabelMap, Path], None] | None = None
    color: bool = False


FORMATS: tuple[Format, ...] = (
    Format(nifti.NAME, (".nii", ".nii.gz"), nifti.matches, read=nifti.read_nifti, write=nifti.write_nifti),
    Format(nrrd_file.NAME, (".nrrd",), nrrd_file.matches, read=nrrd_file.read_nrrd, write=nrrd_file.write_nrrd),
    Format(
        png.NAME,
        (".png",),
        png.matches,
        read=png.read_png,
        read_labels=png.read_png_labels,
        write=png.write_png,
        color=True,
    ),
    Format(
        tiff.NAME,
        (".tif", ".tiff"),
        tiff.matches,
        read=tiff.read_tiff,
        read_labels=tiff.read_tiff_labels,
        write=tiff.write_tiff,
        color=True,
    ),
    Format(
        ome_zarr.NAME,
        (".zarr",),
        ome_zarr.matches,
        read=ome_zarr.read_ome_zarr,
        read_labels=ome_zarr.read_ome_zarr_labels,
        write=ome_zarr.write_ome_zarr,
    ),
    Format(dicom_seg.NAME, (".dcm",), dicom_seg.matches, read_labels=dicom_seg.read_dicom_seg),
    Format(dicom_series.NAME, (".dcm",), dicom_series.matches, read=dicom_series.read_series),
)

REFUSED = {
    (".mha", ".mhd"): "MetaImage files are not supported: convert to .nii.gz (SimpleITK: ReadImage, WriteImage)",
    (".nhdr",): "NRRD headers with their voxels in another file are not supported: save as one .nrrd file",
    (".hdr", ".img"): "NIfTI and Analyze pairs are not supported: save as one .nii.gz file",
    (".mgz", ".mgh"): "FreeSurfer files are not supported: convert to .nii.gz (mri_convert)",
    (".jpg", ".jpeg"): "JPEG is lossy and not supported: save as PNG",
    (".dcm",): "DICOM SEG belongs to a series: call maskwright.engine.io.write_dicom_seg with it, or write .nii.gz",
    (".npy", ".npz"): "NumPy files carry no spacing: load the array and pass it with spacing_mm",
}
"""Formats that people try, and what to do instead."""


def reader_of(path: Path) -> Format:
    """Return the format of an existing file or folder; raise a FileFormatError where there is none."""
    for kind in FORMATS:
        if kind.matches(path):
            return kind
    raise FileFormatError(f"{path}: {_advice(path)}")


def writer_of(path: Path) -> Format:
    """Return the format that writes a file of this name; raise a FileFormatError where there is none."""
    name = path.name.lower()
    for kind in FORMATS:
        if kind.write is not None and name.endswith(kind.endings):
            return kind
    raise FileFormatError(f"{path}: {_advice(path)}")


def _advice(path: Path) -> str:
    for endings, advice in REFUSED.items():
        if path.name.lower().endswith(endings):
            return advice
    known = ", ".join(dict.fromkeys(ending for kind in FORMATS for ending in kind.endings))
    return f"the format is not known: expected one of {known}"
