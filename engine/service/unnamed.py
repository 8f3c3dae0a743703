"""Errors of readers without the file's name: it may hold a patient's, and where it lies is nobody's business."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskwright.kernels.errors import FileFormatError, InputError


@contextmanager
def unnamed(path: Path, what: str) -> Iterator[None]:
    """Let errors about a file speak of ``what`` instead."""
    try:
        yield
    except (FileFormatError, InputError) as error:
        text = str(error).replace(str(path), what).replace(path.name, what)
        raise type(error)(text) from None
