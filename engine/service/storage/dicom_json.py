"""DICOM headers in DICOM's JSON model (PS3.18, annex F), element by element, so that a bad one costs only itself."""

from __future__ import annotations

import json
from typing import Any

_CHARACTER_SET = "00080005"


def json_of(header: Any) -> dict[str, Any]:
    """Return a dataset of pydicom as JSON can hold it; values that break the standard, or are NaN, are left out.

    Texts are Unicode, and the character set says so.
    """
    found: dict[str, Any] = {}
    for key in header.keys():  # noqa: SIM118 - a dataset's own iterator gives elements, and parses all of them
        try:
            element = header[key].to_json_dict(None, 0)
            json.dumps(element, allow_nan=False)
        except Exception:  # a damaged value can fail anywhere in pydicom
            continue
        found[f"{key:08X}"] = element
    if _CHARACTER_SET in found:
        found[_CHARACTER_SET] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    return found
