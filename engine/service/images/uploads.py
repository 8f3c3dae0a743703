"""Images that clients send: to be stored, or only to be segmented (transient)."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import threading
import weakref
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from maskwright.engine.service.images.open_volumes import OpenVolumes
from maskwright.engine.service.storage import Datastore, Digests, ImageEntry, clean_upload_name, receive
from maskwright.errors import CapacityError, MaskwrightError, NotFoundError


def ingest(store: Datastore, volumes: OpenVolumes, name: str, stream: BinaryIO, limit_bytes: int) -> ImageEntry:
    """Store an image and open it; see ``Datastore.add_image`` and ``OpenVolumes.open`` for the errors.

    One that cannot be opened is not stored, unless only for want of memory, or it was stored before and has labels.
    """
    entry = store.add_image(name, stream, limit_bytes)
    try:
        volumes.open(entry)  # its sender is about to look at it
    except MaskwrightError as error:
        # The same file may have been sent before and be in use: want of memory says nothing of it.
        if not isinstance(error, CapacityError) and not store.labels(entry.id):
            with contextlib.suppress(NotFoundError):  # the same file lies in the folder: it is not ours to remove
                store.remove_upload(entry.id)
        raise
    return entry


@dataclass(frozen=True)
class _Stored:
    """An upload: its owner, its folder, and its content by size and hash."""

    owner: str
    folder: Path
    entry: ImageEntry
    size: int
    sha256: str


class TransientUploads:
    """Images that are only to be segmented: on the disk under random names, each its owner's, gone with the server.

    An owner is the name of a token. Nobody sees another one's uploads, nor learns whether they are there. Where they
    take more than ``limit_bytes``, the oldest goes of the owner who has most.

    Locks: one, for the table, never held while files are read or written.
    """

    def __init__(self, volumes: OpenVolumes, limit_bytes: int, upload_bytes: int) -> None:
        self._volumes, self._limit_bytes, self._upload_bytes = volumes, limit_bytes, upload_bytes
        self._folder = Path(tempfile.mkdtemp()).resolve()
        self._remove_folder = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._digests = Digests()
        self._lock = threading.Lock()
        self._uploads: dict[str, _Stored] = {}

    def close(self) -> None:
        """Remove all of them; at the latest this is done when the process ends."""
        self._remove_folder()

    def add(self, owner: str, name: str, stream: BinaryIO) -> ImageEntry:
        """Take an image and open it; an owner's second upload of the same content is the first one.

        Parameters
        ----------
        owner : str
            The name of the token with which it is sent.
        name : str
            The client's name of the file; its suffix says the format, and no name on the disk holds the rest.
        stream : binary file
            Read to its end.

        Raises
        ------
        InputError, LimitError, StorageError
            See ``receive``.
        FileFormatError, CapacityError
            It cannot be opened; a new one is not kept.
        """
        stem, suffix = clean_upload_name(name)
        folder = self._folder / secrets.token_hex(16)
        with receive(folder, f"image{suffix}", stream, self._upload_bytes) as upload:
            entry = ImageEntry(folder.name, upload.path, stem + suffix, upload.location.format, self._digests)
            stored = self._insert(_Stored(owner, folder, entry, upload.size, upload.sha256))
        try:
            self._volumes.open(stored.entry)  # its owner is about to look at it
        except Exception:
            if stored.folder == folder:
                self._remove(stored)
            raise
        self._make_room(stored)
        return stored.entry

    def image(self, owner: str, upload: str) -> ImageEntry:
        """Return an owner's upload; NotFoundError where this owner has none of this id."""
        return self._find(owner, upload).entry

    def remove(self, owner: str, upload: str) -> None:
        """Remove an owner's upload; NotFoundError where this owner has none of this id."""
        self._remove(self._find(owner, upload))

    # --- inside

    def _find(self, owner: str, upload: str) -> _Stored:
        with self._lock:
            stored = self._uploads.get(upload)
        if stored is None or stored.owner != owner:
            raise NotFoundError("no image that you sent has this id: send it again")
        return stored

    def _insert(self, new: _Stored) -> _Stored:
        """Add an upload as the newest, or make the one its owner sent before the newest, and return that one."""
        content = (new.owner, new.entry.format, new.sha256)
        with self._lock:
            same = (s for s in self._uploads.values() if (s.owner, s.entry.format, s.sha256) == content)
            stored = self._uploads.pop(next(same, new).entry.id, new)
            self._uploads[stored.entry.id] = stored
        if stored is not new:
            shutil.rmtree(new.folder, ignore_errors=True)
        return stored

    def _make_room(self, newest: _Stored) -> None:
        while (oldest := self._surplus(newest)) is not None:
            self._remove(oldest)

    def _surplus(self, newest: _Stored) -> _Stored | None:
        """Return the upload that goes next; None where all fit, or only the newest is left."""
        with self._lock:
            sizes: Counter[str] = Counter()
            for each in self._uploads.values():
                sizes[each.owner] += each.size
            if sizes.total() <= self._limit_bytes:
                return None
            others = [each for each in self._uploads.values() if each is not newest]
            return max(others, key=lambda each: sizes[each.owner], default=None)  # the first, so the oldest, of equals

    def _remove(self, stored: _Stored) -> None:
        with self._lock:
            self._uploads.pop(stored.entry.id, None)
        self._volumes.forget(stored.entry.path)
        shutil.rmtree(stored.folder, ignore_errors=True)
