"""One DICOM file: the UIDs it is found by, its sizes, and its header in DICOM's JSON. No pixels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from maskwright.engine.io.quiet import quiet_libraries
from maskwright.errors import NotFoundError

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+", re.ASCII)
_LONGEST_UID = 64
_DEFLATED = "1.2.840.10008.1.2.1.99"
_IDENTIFIERS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber"]
_SIZES = ["Rows", "Columns", "NumberOfFrames", "BitsAllocated"]
STUDY_KEYWORDS = (
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription", "StudyID"),
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
)
"""Of a study and its patient."""
SERIES_KEYWORDS = (
    *("Modality", "SeriesDate", "SeriesTime", "SeriesDescription", "SeriesNumber", "SeriesInstanceUID"),
    *("BodyPartExamined", "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
)
"""Of a series."""
_CHARACTER_SET = "00080005"


@dataclass(frozen=True)
class Instance:
    """One DICOM file.

    ``number`` is its place in the series (0 where it has none), ``frames`` at least 1, ``transfer_syntax`` the UID of
    how its pixels are stored.
    """

    path: Path
    study: str
    series: str
    uid: str
    sop_class: str
    number: int
    rows: int
    columns: int
    frames: int
    bits: int
    transfer_syntax: str


def is_uid(text: str) -> bool:
    """Tell whether a text could be a UID: at most 64 digits and single dots; no image id looks like one."""
    return len(text) <= _LONGEST_UID and _UID.fullmatch(text) is not None


def read_instance(path: Path) -> Instance | None:
    """Return the instance in a file; None where it is no DICOM file, a damaged one, or without the UIDs to find it by.

    A file that is deflated as a whole is passed over: its unpacked size is not known beforehand.
    """
    import pydicom
    from pydicom.filereader import read_file_meta_info

    try:
        with quiet_libraries():
            if read_file_meta_info(path).get("TransferSyntaxUID") == _DEFLATED:
                return None
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*_IDENTIFIERS, *_SIZES])
            uids = [str(header.get(name, "")) for name in _IDENTIFIERS[:4]]
            numbers = [int(header.get(name) or 0) for name in ("InstanceNumber", *_SIZES)]
            syntax = str(header.file_meta.TransferSyntaxUID)
    except Exception:  # a damaged header can fail anywhere in pydicom
        return None
    if not all(map(is_uid, [*uids, syntax])):
        return None
    study, series, uid, sop_class = uids
    number, rows, columns, frames, bits = numbers
    return Instance(path, study, series, uid, sop_class, number, rows, columns, max(frames, 1), bits, syntax)


def read_attributes(path: Path) -> Mapping[str, Any]:
    """Return a file's attributes of patient, study and series in DICOM's JSON; none where it cannot be read."""
    import pydicom

    try:
        with quiet_libraries():
            attributes = to_json(
                pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*STUDY_KEYWORDS, *SERIES_KEYWORDS])
            )
    except Exception:  # gone meanwhile, or damaged, which can fail anywhere in pydicom
        return {}
    attributes.pop(_CHARACTER_SET, None)  # pydicom reads it whatever is asked for
    return attributes


def to_json(header: Any) -> dict[str, Any]:
    """Return a dataset of pydicom in DICOM's JSON model (PS3.18, annex F), element by element.

    Values that break the standard, or are NaN, are left out and cost no other value. Texts are Unicode, and the
    character set says so.
    """
    elements: dict[str, Any] = {}
    for key in header.keys():  # noqa: SIM118 - a dataset's own iterator gives elements, and parses all of them
        try:
            element = header[key].to_json_dict(None, 0)
            json.dumps(element, allow_nan=False)
        except Exception:  # a damaged value can fail anywhere in pydicom
            continue
        elements[f"{key:08X}"] = element
    if _CHARACTER_SET in elements:
        elements[_CHARACTER_SET] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    return elements


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file of a data folder to read; NotFoundError, without its name, where it is gone or cannot be read."""
    try:
        file = path.open("rb")
    except OSError:
        raise NotFoundError("a file of this series is gone: list the images of the datastore") from None
    with file:
        yield file
