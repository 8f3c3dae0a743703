"""A label map as the bytes of a DICOM SEG of the series that its image is."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Mapping
from pathlib import Path

from maskwright.engine.io import write_dicom_seg
from maskwright.engine.io.dicom_files import dicom_files
from maskwright.engine.io.dicom_series import NAME
from maskwright.engine.service.images.files import redact_paths
from maskwright.engine.service.storage import ImageEntry
from maskwright.engine.volume import LabelMap
from maskwright.errors import InputError, MaskwrightError, MissingExtraError

LONGEST_NAME = 64
"""Of a segment, in characters; DICOM's own bound."""


def takes_segmentation(image: ImageEntry) -> bool:
    """Tell whether a DICOM SEG can be written of an image: a series of several files, and highdicom is there."""
    return _is_series(image) and importlib.util.find_spec("highdicom") is not None


def segmentation_file(labels: LabelMap, image: ImageEntry, names: Mapping[int, str]) -> bytes:
    """Return a DICOM SEG; labels that no voxel has are no segments of it.

    Raises
    ------
    InputError
        The image is no such series, highdicom is not installed, or the headers of the series lack what a SEG needs.
    """
    if not _is_series(image):
        raise InputError(
            "a DICOM SEG belongs to a DICOM series of several files, and this image is none; save as NIfTI"
        )
    segments = {number: _segment(name) for number, name in names.items()}
    with tempfile.TemporaryDirectory() as folder, redact_paths(image.path, "the image"):
        path = Path(folder) / "label.seg.dcm"
        try:
            with redact_paths(path, "the file"):
                write_dicom_seg(labels, path, image.path, segments)
        except MissingExtraError as error:
            raise InputError(f"{error}; or save as NIfTI") from None
        except MaskwrightError:
            raise
        except Exception as error:  # of whatever kind, and not in its own words: they may quote a header
            why = f"({type(error).__name__}): its headers lack something, such as PatientID"
            raise InputError(f"no DICOM SEG can be made of this series {why}; save as NIfTI") from None
        return path.read_bytes()


def _is_series(image: ImageEntry) -> bool:
    return image.format == NAME and image.path.is_dir() and len(dicom_files(image.path)) > 1


def _segment(name: str) -> str:
    """Return a name as DICOM takes it: no backslash, which would end it, and nothing that is not printed."""
    clean = "".join(letter if letter.isprintable() else " " for letter in name.replace("\\", "/"))
    return " ".join(clean.split())[:LONGEST_NAME] or "object"
