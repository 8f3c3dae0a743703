"""An image that a client sends, received into a folder of its own."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from maskwright.engine.service.storage.listing import ImageLocation, find_images
from maskwright.engine.storage import storing, sync_folder, synced_file
from maskwright.errors import InputError, LimitError

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Upload:
    """A received image: its folder, which holds nothing else, and the location of the image in it."""

    folder: Path
    location: ImageLocation
    size: int
    sha256: str

    @property
    def content_name(self) -> str:
        """A folder name for each content and format, so that nothing is stored twice."""
        return f"{self.sha256[:32]}-{self.location.format.lower().replace(' ', '-')}"

    @property
    def path(self) -> Path:
        """The image: a file, or the folder where the file is a DICOM series of one."""
        return self.folder / self.location.relative


@contextmanager
def receive(folder: Path, file_name: str, stream: BinaryIO, limit_bytes: int) -> Iterator[Upload]:
    """Receive a stream as a file in a new folder; remove the folder where the block raises.

    Raises
    ------
    InputError
        The stream is empty, or it is no image (a segmentation).
    LimitError
        The stream holds more than ``limit_bytes``.
    StorageError
        The disk is full or read-only.
    """
    with storing():
        folder.mkdir(mode=0o700)
    try:
        size, digest = _receive(folder / file_name, stream, limit_bytes)
        images = list(find_images(folder))
        if len(images) != 1:
            raise InputError("expected an image, got a file that holds none (a segmentation is saved as a label)")
        yield Upload(folder, images[0], size, digest)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def put_in_folder(upload: Upload, folder: Path | None) -> None:
    """Rename an upload's folder durably; remove it where there is no folder to become, or it is there already."""
    if folder is None:
        shutil.rmtree(upload.folder, ignore_errors=True)
        return
    with storing():
        sync_folder(upload.folder)
        if folder.is_dir() and any(folder.iterdir()):
            shutil.rmtree(upload.folder)
        else:
            upload.folder.rename(folder)
        sync_folder(folder.parent)


def _receive(path: Path, stream: BinaryIO, limit_bytes: int) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    with storing(), synced_file(path) as file:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > limit_bytes:
                raise LimitError(f"an upload is at most {limit_bytes} bytes, got more: crop or compress the image")
            digest.update(block)
            file.write(block)
    if not size:
        raise InputError("expected an image, got an empty upload: send the file again")
    return size, digest.hexdigest()
