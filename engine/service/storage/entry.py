"""The images of a datastore, and the hashes of their bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from maskwright.engine.service.storage.listing import parts_of
from maskwright.engine.storage import content_digest
from maskwright.errors import NotFoundError

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size and time of change of each file of an image."""


class Digests:
    """SHA-256 of images by path, each computed on first use and again when its files have changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[Stamp, str]] = {}

    def find(self, path: Path, stamp: Stamp) -> str:
        """Return the digest of a file's bytes, or of a folder's file names, sizes and bytes; OSError where it is gone.

        The stamp is older than the bytes, so that a file that changes meanwhile has another stamp the next time.
        """
        with self._lock:
            known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        digest = content_digest(path, [name for name, *_ in stamp])
        with self._lock:
            self._known[path] = (stamp, digest)
        return digest


@dataclass(frozen=True)
class ImageEntry:
    """One image: a file, or the folder of a DICOM series or of an OME-Zarr image.

    Attributes
    ----------
    id : str
        The image's name in requests: letters, digits, '-' and '_', the same whenever the folder is served.
    path : Path
        Its file or folder, absolute, inside the data folder.
    name : str
        The name of the file or folder, or the client's name of an upload.
    format : str
        The name of its format in ``engine/io``.
    """

    id: str
    path: Path
    name: str
    format: str
    _digests: Digests = field(repr=False, compare=False)

    @property
    def stamp(self) -> Stamp:
        """Names, sizes and times of change of its files; NotFoundError where it is gone or cannot be read."""
        with _reading():
            return _stamp(self.path, self.format)

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes in hexadecimal; NotFoundError where it is gone or cannot be read."""
        with _reading():
            return self._digests.find(self.path, _stamp(self.path, self.format))


def _stamp(path: Path, format_name: str) -> Stamp:
    if not path.is_dir():
        status = path.stat()
        return (("", status.st_size, status.st_mtime_ns),)
    parts = [(part.path, part.stat()) for part in parts_of(path, format_name) if part.is_file()]
    names = [Path(part).relative_to(path).as_posix() for part, _ in parts]
    return tuple(sorted((name, s.st_size, s.st_mtime_ns) for name, (_, s) in zip(names, parts)))


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotFoundError("the image is gone or cannot be read: list the images again") from error


@dataclass(frozen=True)
class Status:
    """How many images there are, and how many of them have a label under any tag."""

    total: int
    completed: int
