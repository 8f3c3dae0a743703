"""A file of the data folder, opened; that it is gone is said without its name, which may hold a patient's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from maskwright.errors import NotFoundError


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read it; NotFoundError where it is gone or cannot be read."""
    try:
        file = path.open("rb")
    except OSError:
        raise NotFoundError("a file of this series is gone: list the images of the datastore") from None
    with file:
        yield file
