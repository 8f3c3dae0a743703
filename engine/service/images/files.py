"""Volumes and label maps as files that clients send or get. No error names a file: its name may be a patient's."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from starlette.datastructures import UploadFile

from maskwright.engine.io import read_labels, write, write_dicom_seg
from maskwright.engine.io.dicom.files import dicom_files
from maskwright.engine.io.dicom.series import NAME as DICOM_SERIES
from maskwright.engine.io.formats import UPLOAD_SUFFIXES, suffix_of
from maskwright.engine.service.budget.reading import read_within_budget
from maskwright.engine.service.budget.request_context import reserve_answer
from maskwright.engine.service.storage import ImageEntry
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import FileFormatError, InputError, MaskwrightError, MissingExtraError, StorageError

LONGEST_NAME = 64
"""Of a segment, in characters; DICOM's own bound."""


def volume_file(volume: Volume | LabelMap, suffix: str) -> bytes:
    """Return a volume in the format of a suffix, its size reserved until it is sent.

    Raises
    ------
    CapacityError
        There is no memory for the file now.
    StorageError
        The disk is full.
    InputError
        See ``engine.io.write``.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"volume{suffix}"
        with redact_paths(path, "the file"):
            write(volume, path)
        reserve_answer(path.stat().st_size)
        return path.read_bytes()


def takes_segmentation(image: ImageEntry) -> bool:
    """Tell whether a DICOM SEG can be written of an image: a series of several files, and highdicom is there."""
    return _is_series(image) and importlib.util.find_spec("highdicom") is not None


def segmentation_file(labels: LabelMap, image: ImageEntry, names: Mapping[int, str]) -> bytes:
    """Return a DICOM SEG of the series that an image is, its size reserved until it is sent.

    Labels that no voxel has are no segments of it.

    Raises
    ------
    InputError
        The image is no such series, highdicom is not installed, or the headers of the series lack what a SEG needs.
    CapacityError, StorageError
        See ``volume_file``.
    """
    if not _is_series(image):
        raise InputError(
            "a DICOM SEG belongs to a DICOM series of several files, and this image is none; save as NIfTI"
        )
    segments = {number: _segment_name(name) for number, name in names.items()}
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
        reserve_answer(path.stat().st_size)
        return path.read_bytes()


def read_label_file(path: Path, subject: str = "the label") -> LabelMap:
    """Return the labels in a file; ``subject`` stands for its name in errors.

    Raises
    ------
    FileFormatError, GeometryError, LabelError
        It cannot be read as labels.
    CapacityError
        There is no memory for them now.
    """
    with redact_paths(path, subject):
        return read_within_budget(path, read_labels)


def read_uploaded_labels(file: UploadFile) -> LabelMap:
    """Return the labels in an uploaded file; its name says the format, and nothing else of it is used.

    Raises
    ------
    InputError
        The name ends in no suffix of a label file.
    FileFormatError, GeometryError, LabelError, CapacityError
        See ``read_label_file``.
    """
    suffix = suffix_of(file.filename or "", UPLOAD_SUFFIXES)
    if not suffix:
        known = ", ".join(UPLOAD_SUFFIXES)
        raise InputError(f"the file's name does not say its format; expected one that ends in {known}")
    with temporary_file(file, suffix) as path:
        return read_label_file(path, "the file")


@contextmanager
def temporary_file(upload: UploadFile, suffix: str) -> Iterator[Path]:
    """Yield an upload as a file of a name of ours; afterwards it is gone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{suffix}"
        with path.open("wb") as file:
            shutil.copyfileobj(upload.file, file, 1 << 20)
        yield path


@contextmanager
def redact_paths(path: Path, subject: str) -> Iterator[None]:
    """Let errors about a file or folder, and about the files in it, name ``subject`` instead."""
    try:
        yield
    except (FileFormatError, InputError, StorageError) as error:
        files = [*sorted(path.rglob("*"), reverse=True), path]  # the longer one of two names first
        text = re.sub("|".join(re.escape(str(each)) for each in files), subject, str(error))
        names = "|".join(re.escape(each.name) for each in files)
        raise type(error)(re.sub(rf"(?<!\w)(?:{names})(?!\w)", subject, text)) from None


def _is_series(image: ImageEntry) -> bool:
    return image.format == DICOM_SERIES and image.path.is_dir() and len(dicom_files(image.path)) > 1


def _segment_name(name: str) -> str:
    """Return a name as DICOM takes it: no backslash, which would end it, and nothing that is not printed."""
    clean = "".join(letter if letter.isprintable() else " " for letter in name.replace("\\", "/"))
    return " ".join(clean.split())[:LONGEST_NAME] or "object"
