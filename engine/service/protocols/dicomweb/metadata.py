"""Headers of instances in DICOM's JSON, without pixels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from maskwright.engine.io.dicom_files import quiet
from maskwright.engine.service.storage import Instance
from maskwright.engine.service.storage.dicom_json import json_of
from maskwright.errors import FileFormatError

LARGEST_BINARY = 64 << 10
"""Of a binary value, in base64: larger ones, such as private data, are left out."""


def metadata_of(path: Path, instance: Instance) -> bytes:
    """Return the header of a file; values that break the standard are left out of it.

    Raises
    ------
    FileFormatError
        The file cannot be read.
    """
    import pydicom

    try:
        with quiet():
            found = json_of(pydicom.dcmread(path, stop_before_pixels=True))
    except Exception as error:  # a damaged file can fail anywhere in pydicom
        raise FileFormatError(f"a DICOM file cannot be read ({type(error).__name__}): it is damaged") from None
    kept = {tag: value for tag, value in found.items() if len(value.get("InlineBinary", "")) <= LARGEST_BINARY}
    kept["00083002"] = {"vr": "UI", "Value": [instance.transfer_syntax]}  # AvailableTransferSyntaxUID
    return json.dumps(kept).encode("ascii")


def listed(records: Iterable[bytes]) -> Iterator[bytes]:
    """Yield records as one JSON array."""
    before = b"["
    for record in records:
        yield before + record
        before = b","
    yield b"[]" if before == b"[" else b"]"
