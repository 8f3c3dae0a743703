"""What is known of one DICOM file: which study and series it belongs to, and what one asks for it by. No pixels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.engine.io.dicom_files import quiet
from maskwright.engine.service.storage.dicom_json import json_of

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+", re.ASCII)
_LONGEST_UID = 64
_DEFLATED = "1.2.840.10008.1.2.1.99"
_IDENTIFIERS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber"]
_SIZES = ["Rows", "Columns", "NumberOfFrames", "BitsAllocated"]
STUDY = (
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription", "StudyID"),
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
)
"""What is said of a study and its patient."""
SERIES = (
    *("Modality", "SeriesDate", "SeriesTime", "SeriesDescription", "SeriesNumber", "SeriesInstanceUID"),
    *("BodyPartExamined", "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
)
"""What is said of a series."""


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
    """Return what a file is; None where it is no DICOM file, a damaged one, or without the UIDs to find it by.

    Nor is a file that is deflated as a whole looked at: nobody can say beforehand what it would unpack to.
    """
    import pydicom
    from pydicom.filereader import read_file_meta_info

    try:
        with quiet():
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
    """Return what a file says of its patient, study and series, in DICOM's JSON; nothing where it cannot be read."""
    import pydicom

    try:
        with quiet():
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*STUDY, *SERIES])
            found = json_of(header)
    except Exception:  # gone meanwhile, or damaged, which can fail anywhere in pydicom
        return {}
    found.pop("00080005", None)  # the character set, which comes along
    return found
