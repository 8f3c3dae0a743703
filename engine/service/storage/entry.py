"""One image of a datastore."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from maskwright.engine.service.storage.digests import Digests, signature_of
from maskwright.errors import NotFoundError


@dataclass(frozen=True)
class ImageEntry:
    """One image: a file, or the folder of a DICOM series or of an OME-Zarr image.

    Attributes
    ----------
    id : str
        What requests call it: letters, digits, '-' and '_', the same whenever the folder is served.
    path : Path
        Where it is; absolute, inside the data folder.
    name : str
        The name of the file or folder.
    format : str
        The name of its format, as ``engine/io`` calls it.
    """

    id: str
    path: Path
    name: str
    format: str
    _digests: Digests = field(repr=False, compare=False)

    @property
    def stamp(self) -> Hashable:
        """Names, sizes and times of change of its files: another value when one of them has changed.

        Raises
        ------
        NotFoundError
            The file is gone, or cannot be read.
        """
        with _gone():
            return signature_of(self.path, self.format)

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes in hexadecimal, read on first use and again when the file has changed.

        Raises
        ------
        NotFoundError
            The file is gone, or cannot be read.
        """
        with _gone():
            return self._digests.of(self.path, self.format)


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotFoundError("the image is gone or cannot be read: list the images again") from error
