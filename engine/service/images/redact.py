"""Errors of readers without the file's name: it may hold a patient's, and where it lies is nobody's business."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskwright.errors import FileFormatError, InputError


@contextmanager
def redact_paths(path: Path, what: str) -> Iterator[None]:
    """Let errors about a file speak of ``what`` instead."""
    try:
        yield
    except (FileFormatError, InputError) as error:
        inside = sorted(path.rglob("*"), reverse=True)  # of a folder; the longer one of two names first
        places = [str(each) for each in (*inside, path)]
        names = [each.name for each in (*inside, path)]
        told = re.sub("|".join(map(re.escape, places)), what, str(error))
        told = re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", what, told)
        raise type(error)(told) from None
