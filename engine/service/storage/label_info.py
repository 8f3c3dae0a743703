"""The record beside a label: the meaning of its numbers, its author, the time, and the hash of its bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from maskwright.errors import InputError, LimitError

_LARGEST_INFO = 1 << 20  # bytes


@dataclass(frozen=True)
class LabelInfo:
    """The record beside a label.

    Attributes
    ----------
    file : str
        The name of the label's file.
    sha256 : str
        Of the file's bytes: a record speaks of these bytes and of no others.
    time : str
        The time of the save, UTC, in ISO 8601.
    author : str
        The name of the token with which the label was saved.
    label_info : mapping
        The client's description of the labels, such as ``{"label_info": [{"name": "spleen", "idx": 1}]}``.
    client : str
        The client's own name for itself, "" where it gave none. Nobody checks it: it is no identity.
    """

    file: str
    sha256: str
    time: str
    author: str
    label_info: Mapping[str, Any] = field(default_factory=dict)
    client: str = ""

    def to_bytes(self) -> bytes:
        """Return it as JSON.

        Raises
        ------
        InputError
            ``label_info`` holds something JSON cannot, or NaN.
        LimitError
            It is larger than 1 MiB.
        """
        try:
            text = json.dumps(asdict(self), allow_nan=False, indent=1)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError("label_info holds something that JSON cannot: send numbers, texts and lists") from error
        data = text.encode("ascii")
        if len(data) > _LARGEST_INFO:
            raise LimitError(f"label_info is at most {_LARGEST_INFO} bytes as JSON, got {len(data)}: send less")
        return data


def read_info(path: Path) -> LabelInfo | None:
    """Read the record of a label; None where there is none, or none that was written here."""
    try:
        info = LabelInfo(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = (info.file, info.sha256, info.time, info.author, info.client)
    return info if all(isinstance(text, str) for text in texts) and isinstance(info.label_info, dict) else None
