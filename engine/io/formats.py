"""The ordered table of formats. Whoever needs to know a suffix asks here.

A new format is a module beside this one and a row of ``FORMATS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from maskwright.engine.io import nifti, nrrd_file, ome_zarr, png, tiff
from maskwright.engine.io.dicom import seg, series
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import FileFormatError


@dataclass(frozen=True)
class Format:
    """One file format; None stands for an operation that it does not have.

    Parameters
    ----------
    name : str
        The usual name; ``Source.format`` of volumes that are read.
    suffixes : tuple of str
        In lower case, with the dot, the longer ones first.
    read : function
        Returns the image at a path, its voxels as they are stored.
    read_labels : function
        Returns the labels at a path, where they are read in another way than an image.
    write : function
        Writes an image or labels to a path.
    recognize : function
        Tells by content whether a path is of this format; by default its name must end in one of the suffixes.
    color : bool
        Whether ``write`` takes colour images.
    is_folder : bool
        Whether an image is a folder, its files in any form.
    is_upload : bool
        Whether the service lets users send an image of it as one file.
    stored_label_suffixes : tuple of str
        Those under which the service stores labels.

    Raises
    ------
    TypeError
        The row reads neither images nor labels, or a suffix is not in lower case with a dot.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], Volume] | None = None
    read_labels: Callable[[Path], LabelMap] | None = None
    write: Callable[[Volume | LabelMap, Path], None] | None = None
    recognize: Callable[[Path], bool] | None = None
    color: bool = False
    is_folder: bool = False
    is_upload: bool = False
    stored_label_suffixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.read is None and self.read_labels is None:
            raise TypeError(f"the format {self.name} reads nothing; expected read, read_labels or both")
        for suffix in (*self.suffixes, *self.stored_label_suffixes):
            if not suffix.startswith(".") or suffix != suffix.lower():
                raise TypeError(f"the format {self.name} has the suffix {suffix!r}; expected one like '.nii'")

    def matches(self, path: Path) -> bool:
        """Tell whether an existing file or folder is of this format, by name or by the start of its content."""
        return self.recognize(path) if self.recognize else path.name.lower().endswith(self.suffixes)


FORMATS: tuple[Format, ...] = (
    Format(
        nifti.NAME,
        (".nii.gz", ".nii"),
        read=nifti.read_nifti,
        write=nifti.write_nifti,
        is_upload=True,
        stored_label_suffixes=(".nii.gz",),
    ),
    Format(
        nrrd_file.NAME,
        (".nrrd",),
        read=nrrd_file.read_nrrd,
        write=nrrd_file.write_nrrd,
        is_upload=True,
        stored_label_suffixes=(".nrrd",),
    ),
    Format(
        png.NAME,
        (".png",),
        read=png.read_png,
        read_labels=png.read_png_labels,
        write=png.write_png,
        color=True,
        is_upload=True,
    ),
    Format(
        tiff.NAME,
        (".tiff", ".tif"),
        read=tiff.read_tiff,
        read_labels=tiff.read_tiff_labels,
        write=tiff.write_tiff,
        color=True,
        is_upload=True,
    ),
    Format(
        ome_zarr.NAME,
        (".zarr",),
        read=ome_zarr.read_ome_zarr,
        read_labels=ome_zarr.read_ome_zarr_labels,
        write=ome_zarr.write_ome_zarr,
        recognize=ome_zarr.recognize,
        is_folder=True,
    ),
    Format(
        seg.NAME,
        (".seg.dcm", ".dcm"),
        read_labels=seg.read_dicom_seg,
        recognize=seg.recognize,
        stored_label_suffixes=(".seg.dcm",),
    ),
    Format(series.NAME, (".dcm",), read=series.read_series, recognize=series.recognize, is_upload=True),
)

UPLOAD_SUFFIXES = tuple(suffix for kind in FORMATS if kind.is_upload for suffix in kind.suffixes)
"""Of images, and of label maps to compare, that users may send as one file."""

STORED_LABEL_SUFFIXES = tuple(suffix for kind in FORMATS for suffix in kind.stored_label_suffixes)
"""Of labels that the service stores."""

WRITABLE_MASK_SUFFIXES = tuple(
    suffix for kind in FORMATS if kind.write and kind.stored_label_suffixes for suffix in kind.suffixes
)
"""Of files that the service writes any mask to."""


def suffix_of(name: str, suffixes: Iterable[str]) -> str | None:
    """Return the first of the suffixes that a file name ends in, in capitals or not; None where there is none."""
    return next((suffix for suffix in suffixes if name.lower().endswith(suffix)), None)


REFUSED = {
    (".mha", ".mhd"): "MetaImage files are not supported: convert to .nii.gz (SimpleITK: ReadImage, WriteImage)",
    (".nhdr",): "NRRD headers with their voxels in another file are not supported: save as one .nrrd file",
    (".hdr", ".img"): "NIfTI and Analyze pairs are not supported: save as one .nii.gz file",
    (".mgz", ".mgh"): "FreeSurfer files are not supported: convert to .nii.gz (mri_convert)",
    (".jpg", ".jpeg"): "JPEG is lossy and not supported: save as PNG",
    (".dcm",): "DICOM SEG belongs to a series: call maskwright.engine.io.write_dicom_seg with it, or write .nii.gz",
    (".npy", ".npz"): "NumPy files carry no spacing: load the array and pass it with spacing_mm",
}
"""Formats that people try, and advice for each."""


def reader_of(path: Path) -> Format:
    """Return the format of an existing file or folder; raise a FileFormatError where there is none."""
    for kind in FORMATS:
        if kind.matches(path):
            return kind
    raise FileFormatError(f"{path}: {_advice(path)}")


def writer_of(path: Path) -> Format:
    """Return the format that writes a file of this name; raise a FileFormatError where there is none."""
    for kind in FORMATS:
        if kind.write is not None and suffix_of(path.name, kind.suffixes):
            return kind
    for kind in FORMATS:
        if suffix_of(path.name, kind.suffixes):
            written = ", ".join(suffix for kind in FORMATS if kind.write for suffix in kind.suffixes)
            advice = _refusal(path)
            more = f" ({advice})" if advice else ""
            raise FileFormatError(f"{path}: {kind.name} can be read, not written; write one of {written}{more}")
    raise FileFormatError(f"{path}: {_advice(path)}")


def _refusal(path: Path) -> str | None:
    return next((advice for suffixes, advice in REFUSED.items() if suffix_of(path.name, suffixes)), None)


def _advice(path: Path) -> str:
    advice = _refusal(path)
    if advice is not None:
        return advice
    known = ", ".join(dict.fromkeys(suffix for kind in FORMATS for suffix in kind.suffixes))
    return f"the format is not known: expected one of {known}"
