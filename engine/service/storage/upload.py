"""An image that is sent in: received under a temporary name, and put into ``uploads`` when it is whole."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from maskwright.engine.service.storage.durable import (
    beside,
    make_folder,
    sync_file,
    sync_folder,
    written_in_one_line,
)
from maskwright.engine.service.storage.listing import Found, find_images
from maskwright.engine.service.storage.names import clean_upload_name
from maskwright.errors import InputError, LimitError

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Upload:
    """A received image in a temporary folder of its own, on the disk; ``found`` is relative to that folder."""

    folder: Path
    found: Found
    size: int
    sha256: str

    @property
    def place(self) -> Path:
        """The folder it belongs into: one for each content and format, so that nothing is stored twice."""
        return self.folder.with_name(f"{self.sha256[:32]}-{self.found.format.lower().replace(' ', '-')}")


@contextmanager
def received(uploads: Path, name: str, stream: BinaryIO, limit_bytes: int) -> Iterator[Upload]:
    """Receive a stream; at the end of the block what has not been renamed is gone.

    Raises
    ------
    InputError
        The name ends in no suffix of an image, the stream is empty, or it is no image (a segmentation).
    LimitError
        The stream holds more than ``limit_bytes``.
    """
    stem, suffix = clean_upload_name(name)
    with written_in_one_line():
        make_folder(uploads)
        folder = beside(uploads / "image")
        folder.mkdir()
    try:
        size, digest = _receive(folder / (stem + suffix), stream, limit_bytes)
        found = list(find_images(folder))
        if len(found) != 1:
            raise InputError("expected an image, got a file that holds none (a segmentation is saved as a label)")
        sync_folder(folder)
        yield Upload(folder, found[0], size, digest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_into_place(upload: Upload) -> None:
    """Rename an upload to where it belongs; one that is there already is left as it is."""
    with written_in_one_line():
        if not upload.place.is_dir() or not any(upload.place.iterdir()):
            upload.folder.rename(upload.place)
        sync_folder(upload.place.parent)


def _receive(path: Path, stream: BinaryIO, limit_bytes: int) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    with path.open("xb") as file:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > limit_bytes:
                raise LimitError(f"an upload is at most {limit_bytes} bytes, got more: crop or compress the image")
            digest.update(block)
            with written_in_one_line():
                file.write(block)
        with written_in_one_line():
            file.flush()
            sync_file(file.fileno())
    if not size:
        raise InputError("expected an image, got an empty upload: send the file again")
    return size, digest.hexdigest()
