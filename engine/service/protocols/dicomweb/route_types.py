"""What addresses of DICOMweb hold, and what is answered, for FastAPI and its document."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path

MOST_FRAMES = 64
"""The most frames that one request may name."""
JSON = "application/dicom+json"
_NUMBER = "[1-9][0-9]{0,6}"

Uid = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$")]
FrameList = Annotated[str, Path(pattern=f"^{_NUMBER}(,{_NUMBER}){{0,{MOST_FRAMES - 1}}}$", description="from 1")]

Answers = dict[int | str, dict[str, Any]]
RECORDS: Answers = {
    200: {
        "description": "done; an empty list where nothing fits",
        "content": {JSON: {"schema": {"type": "array", "items": {"type": "object"}}}},
    }
}
PARTS: Answers = {
    200: {
        "description": "done",
        "content": {"multipart/related": {"schema": {"type": "string", "format": "binary"}}},
    }
}
