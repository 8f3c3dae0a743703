"""A folder served as a datastore: its images, the labels that are saved for them, and what is still to be done."""

from __future__ import annotations

import contextlib
import hashlib
import math
import secrets
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from maskwright.engine.io.dicom_series import NAME as DICOM_SERIES
from maskwright.engine.service.storage.dicom_file import Instance, is_uid
from maskwright.engine.service.storage.dicom_index import DicomIndex, Series
from maskwright.engine.service.storage.entry import Digests, ImageEntry
from maskwright.engine.service.storage.label_folder import LabelEntry, LabelFolder
from maskwright.engine.service.storage.listing import LABELS, UPLOADS, Found, find_images, is_safe, stays_within
from maskwright.engine.service.storage.names import (
    check_author,
    check_client,
    check_label_suffix,
    check_tag,
    clean_upload_name,
    image_id,
    is_image_id,
)
from maskwright.engine.service.storage.settings import read_region
from maskwright.engine.service.storage.upload import Upload, put_in_folder, receive
from maskwright.engine.storage import FolderLock, make_folder, remove_unfinished, storing, unfinished_path
from maskwright.errors import FileFormatError, GoneError, InputError, NotFoundError


@dataclass(frozen=True)
class Status:
    """How many images there are, and how many of them have a label under any tag."""

    total: int
    completed: int


class Datastore:
    """The images of a folder and their labels; made by ``open``. Safe to use from several threads.

    Locks: ``_lock`` guards the index of images and the step that puts an upload into place; it is never held while
    the locks of the label folder or of the DICOM index are asked for.

    Attributes
    ----------
    region : str or None
        The region that ``datastore.toml`` declares.
    """

    def __init__(self, data: Path | None, kept: Path, region: str | None, lock: FolderLock) -> None:
        self.region = region
        self._roots = [kept] if data is None or data == kept else [data, kept]
        self._kept = kept
        self._lock_of_folder = lock
        self._secret = secrets.token_bytes(16) if data != kept else None
        self._upload_names: dict[str, str] = {}
        self._digests = Digests()
        self._dicom = DicomIndex()
        self._labels = LabelFolder(kept, kept / LABELS)
        self._lock = threading.Lock()
        self._index: dict[str, ImageEntry] = {}

    @classmethod
    def open(cls, folder: Path | None, ephemeral: bool = False) -> Self:
        """Serve a folder.

        Parameters
        ----------
        folder : Path or None
            Where the images are. None, which needs ``ephemeral``, starts with no image.
        ephemeral : bool
            Labels and uploads go to a temporary folder that is removed by ``close``; the folder itself is only read,
            and labels that lie in it are not seen.

        Raises
        ------
        FileFormatError
            No such folder, or it cannot be read.
        ConfigError
            Its ``datastore.toml`` is not right.
        """
        if folder is None and not ephemeral:
            raise InputError("expected a data folder, got none: give one, or keep nothing (ephemeral)")
        data = None if folder is None else _existing_folder(folder)
        region = None if data is None else read_region(data)
        kept = Path(tempfile.mkdtemp()).resolve() if ephemeral or data is None else data
        store = cls(data, kept, region, FolderLock(kept))
        store._clear_up()
        return store

    def close(self) -> None:
        """Let go of the folder; an ephemeral one is removed."""
        self._lock_of_folder.close()
        if self._is_ephemeral:
            shutil.rmtree(self._kept, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def images(self) -> list[ImageEntry]:
        """Return the images that are there now, in the order of their paths."""
        entries = [self._entry(root, found) for root in self._roots for found in find_images(root)]
        index = {entry.id: entry for entry in reversed(entries)}
        with self._lock:
            self._index = index
        return [entry for entry in entries if index[entry.id] is entry]

    def image(self, image: str) -> ImageEntry:
        """Return the image of an id, or of the SeriesInstanceUID of a DICOM series (see ``dicom_series``).

        Raises
        ------
        NotFoundError
            No image has this id.
        """
        if is_uid(image):
            image = self.dicom_series_of(image).image
        if is_image_id(image):
            with self._lock:
                entry = self._index.get(image)
            if entry is None or not self._is_there(entry):
                entry = next((entry for entry in self.images() if entry.id == image), None)
            if entry is not None:
                return entry
        raise NotFoundError("no image has this id: list the images of the datastore")

    def dicom_series(self) -> list[Series]:
        """Return the DICOM series that are there now, in the order of their paths.

        A series that lies in two folders is that of the first one. Headers are read again only where a file changed.
        """
        return self._dicom.refresh([(e.id, e.path) for e in self.images() if e.format == DICOM_SERIES])

    def dicom_series_of(self, uid: str) -> Series:
        """Return the DICOM series of a SeriesInstanceUID; NotFoundError where there is none."""
        found = self._dicom.find(uid)
        if found is None and is_uid(uid):
            found = next((series for series in self.dicom_series() if series.uid == uid), None)
        if found is None:
            raise NotFoundError("no DICOM series has this UID: list the images of the datastore")
        return found

    def dicom_path(self, instance: Instance) -> Path:
        """Return where a DICOM file is, checked once more; NotFoundError where it is gone or leads elsewhere now."""
        if any(instance.path.is_relative_to(root) and stays_within(root, instance.path) for root in self._roots):
            return instance.path
        raise NotFoundError("a file of this series is gone: list the images of the datastore")

    def add_image(self, name: str, stream: BinaryIO, limit_bytes: int) -> ImageEntry:
        """Keep an image that is sent in; of the same content, in the same format, only the first is kept.

        Parameters
        ----------
        name : str
            What the sender calls the file. Its suffix says the format; the rest is kept where a name may hold it.
        stream : binary file
            Read to its end. When it raises, nothing is left behind.
        limit_bytes : int
            The most it may hold.

        Raises
        ------
        InputError
            The suffix is no image's, the stream is empty, or it holds a segmentation.
        LimitError
            The stream holds more than ``limit_bytes``.
        StorageError
            The disk is full or read-only.
        """
        uploads = self._kept / UPLOADS
        if uploads.exists() and not stays_within(self._kept, uploads):
            raise InputError("the uploads folder lies outside the data folder: remove the link")
        stem, suffix = clean_upload_name(name)
        with storing():
            make_folder(uploads)
        file_name = f"image{suffix}" if self._is_ephemeral else stem + suffix
        with receive(unfinished_path(uploads / "image"), file_name, stream, limit_bytes) as upload:
            folder = uploads / (secrets.token_hex(16) if self._is_ephemeral else upload.content_name)
            images = self.images()
            with self._lock:
                known = self._same_content(upload, images)
                if known is None:
                    put_in_folder(upload, folder)
        if known is not None:
            shutil.rmtree(upload.folder, ignore_errors=True)
            return known
        stored = next(find_images(folder), None)
        if stored is None:
            raise GoneError("the upload is gone from the data folder: send it again")
        relative = (folder / stored.relative).relative_to(self._kept).as_posix()
        if self._is_ephemeral:
            self._upload_names[relative] = stem + suffix
        entry = self._entry(self._kept, Found(relative, stored.format))
        with self._lock:
            self._index[entry.id] = entry
        return entry

    def remove_upload(self, image: str) -> None:
        """Remove an image that was sent in.

        Raises
        ------
        NotFoundError
            No image has this id, or it was not sent in: the images of the folder are never removed.
        """
        entry = self.image(image)
        uploads = self._kept / UPLOADS
        if not entry.path.is_relative_to(uploads) or entry.path == uploads:
            raise NotFoundError("no image that was sent in has this id")
        with self._lock:
            self._index.pop(entry.id, None)
            self._upload_names.pop(entry.path.relative_to(self._kept).as_posix(), None)
            shutil.rmtree(uploads / entry.path.relative_to(uploads).parts[0], ignore_errors=True)

    def labels(self, image: str) -> dict[str, LabelEntry]:
        """Return the labels of an image by tag; NotFoundError where there is no such image."""
        entry = self.image(image)
        found = {tag: self._labels.find(self._label_stem(entry.id), tag) for tag in self._labels.tags()}
        return {tag: label for tag, label in found.items() if label is not None}

    def label_path(self, image: str, tag: str) -> Path:
        """Return the file of a label.

        Raises
        ------
        NotFoundError
            No such image, or it has no label under this tag.
        InputError
            The tag is none.
        """
        label = self._labels.find(self._label_stem(self.image(image).id), check_tag(tag))
        if label is None:
            raise NotFoundError("the image has no label under this tag: list its labels")
        return label.path

    def save_label(
        self,
        image: str,
        tag: str,
        data: bytes | Path,
        suffix: str,
        info: Mapping[str, Any],
        author: str,
        client: str = "",
    ) -> LabelEntry:
        """Keep a label; when this returns, it is on the disk, and the one it replaces is its newest earlier version.

        Parameters
        ----------
        image, tag : str
            Which image, and under which name.
        data : bytes or Path
            The label's file, or where its bytes are; they are kept as they are.
        suffix : {".nii.gz", ".nrrd", ".seg.dcm"}
            The form of the file.
        info : mapping
            What JSON can hold, such as ``{"label_info": [{"name": "spleen", "idx": 1}]}``; at most 1 MiB.
        author : str
            The name of the token with which it is saved.
        client : str
            The client's own name for itself, "" for none; it stands beside the author and is never taken for one.

        Raises
        ------
        NotFoundError
            No such image.
        InputError
            Tag, suffix, author, client or info are not right, or the data is empty.
        StorageError
            The disk is full or read-only; the label that was there is as it was.
        """
        entry = self.image(image)
        check_tag(tag)
        check_label_suffix(suffix)
        check_author(author)
        if client:
            check_client(client)
        if not (data if isinstance(data, bytes) else data.stat().st_size):
            raise InputError("expected a label, got an empty file: send it again")
        return self._labels.save(self._label_stem(entry.id), tag, data, suffix, info, author, client)

    def versions(self, image: str, tag: str) -> list[Path]:
        """Return the earlier versions of a label, oldest first; NotFoundError where there is no such image."""
        return self._labels.versions(self._label_stem(self.image(image).id), check_tag(tag))

    def status(self) -> Status:
        """Return how many images there are and how many have a label under any tag."""
        images = self.images()
        labelled = self._labels.labelled()
        return Status(len(images), sum(self._label_stem(entry.id) in labelled for entry in images))

    def unlabelled(self) -> list[ImageEntry]:
        """Return the images without a label under any tag, in the order of their paths."""
        labelled = self._labels.labelled()
        return [entry for entry in self.images() if self._label_stem(entry.id) not in labelled]

    def next_unlabelled(self, scores: Mapping[str, float]) -> ImageEntry | None:
        """Return the image to label next: of those without a label the one of lowest confidence, or None.

        Parameters
        ----------
        scores : mapping of str to float
            Confidence by image id. An image without one, or of NaN, comes before all others: nothing is known of it.
            Among equals the path decides.
        """
        return min(self.unlabelled(), key=lambda entry: _confidence(scores.get(entry.id)), default=None)

    def _clear_up(self) -> None:
        """Clear away what a dead process left, unless another one is at work."""
        if self._lock_of_folder.alone:
            with contextlib.suppress(OSError):  # a folder that is only read can be served too
                for folder in (self._kept / LABELS, self._kept / UPLOADS):
                    if stays_within(self._kept, folder):
                        remove_unfinished(folder)
                self._labels.recover()
        self._lock_of_folder.share()

    @property
    def _is_ephemeral(self) -> bool:
        """Whether names on the disk must not tell of clients' names: they may be patients'."""
        return self._secret is not None

    def _label_stem(self, image: str) -> str:
        """Return the name of an image's labels without suffix: its id, which holds the name of its file, or a hash."""
        if self._secret is None:
            return image
        return hashlib.blake2b(image.encode(), key=self._secret, digest_size=16).hexdigest()

    def _entry(self, root: Path, found: Found) -> ImageEntry:
        path = root / found.relative
        name = self._upload_names.get(found.relative, path.name).encode("utf-8", "replace").decode("utf-8")
        return ImageEntry(image_id(found.relative), path, name, found.format, self._digests)

    def _is_there(self, entry: ImageEntry) -> bool:
        return any(entry.path.is_relative_to(root) and is_safe(root, entry.path, entry.format) for root in self._roots)

    def _same_content(self, upload: Upload, images: list[ImageEntry]) -> ImageEntry | None:
        for entry in images:
            if entry.format != upload.found.format or not entry.path.is_file():
                continue
            if entry.path.stat().st_size == upload.size and entry.sha256 == upload.sha256:
                return entry
        return None


def _existing_folder(folder: Path) -> Path:
    try:
        resolved = folder.resolve(strict=True)
        next(resolved.iterdir(), None)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no possible name"
        raise FileFormatError(f"{folder}: cannot be served as a data folder ({reason})") from error
    return resolved


def _confidence(score: float | None) -> float:
    return -math.inf if score is None or math.isnan(score) else score
