"""A data folder: its images, and the labels that are saved for them."""

from __future__ import annotations

import hashlib
import math
import secrets
import shutil
import tempfile
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from maskwright.engine.io.dicom.series import NAME as DICOM_SERIES
from maskwright.engine.service.access.data_region import read_region
from maskwright.engine.service.storage.dicom_file import Instance, is_uid
from maskwright.engine.service.storage.dicom_index import DicomIndex, Series
from maskwright.engine.service.storage.entry import Digests, ImageEntry, Status
from maskwright.engine.service.storage.labels import LabelEntry, LabelFolder, LabelInfo
from maskwright.engine.service.storage.listing import (
    LABELS,
    UPLOADS,
    ImageLocation,
    existing_folder,
    find_images,
    is_safe,
    stays_within,
)
from maskwright.engine.service.storage.names import (
    check_label_suffix,
    check_person,
    check_tag,
    clean_upload_name,
    image_id,
    is_image_id,
)
from maskwright.engine.service.storage.upload import Upload, put_in_folder, receive
from maskwright.engine.storage import FolderLock, make_folder, remove_unfinished, storing, unfinished_path
from maskwright.errors import InputError, NotFoundError


class Datastore(AbstractContextManager["Datastore"]):
    """The images of a folder and their labels; made by ``open``. Safe to use from several threads.

    An ephemeral one writes to a temporary folder, in which no name tells of an image's: it may be a patient's.

    Locks: ``_lock`` guards the index of images and the step that stores an upload; it is never held while the locks of
    the label folder or of the DICOM index are waited for.

    Attributes
    ----------
    region : str or None
        The region that ``datastore.toml`` declares.
    """

    def __init__(self, data: Path | None, writable: Path, region: str | None) -> None:
        self.region = region
        self._writable = writable
        self._roots = [writable] if data is None or data == writable else [data, writable]
        self._folder_lock = FolderLock(writable)
        self._secret = None if data == writable else secrets.token_bytes(16)
        self._digests = Digests()
        self._dicom = DicomIndex()
        self._labels = LabelFolder(writable, writable / LABELS)
        self._lock = threading.Lock()
        self._index: dict[str, ImageEntry] = {}
        self._upload_names: dict[str, str] = {}
        self._recover()

    @classmethod
    def open(cls, folder: Path | None, ephemeral: bool = False) -> Datastore:
        """Serve a folder.

        Parameters
        ----------
        folder : Path or None
            The folder of the images. None, which needs ``ephemeral``, starts with no image.
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
        data = None if folder is None else existing_folder(folder)
        region = None if data is None else read_region(data)
        return cls(data, Path(tempfile.mkdtemp()).resolve() if ephemeral or data is None else data, region)

    def close(self) -> None:
        """Release the folder; an ephemeral one is removed."""
        self._folder_lock.close()
        if self._secret is not None:
            shutil.rmtree(self._writable, ignore_errors=True)

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- images

    def images(self) -> list[ImageEntry]:
        """Return the images that are there now, in the order of their paths."""
        entries = [self._entry(root, location) for root in self._roots for location in find_images(root)]
        index = {entry.id: entry for entry in reversed(entries)}
        with self._lock:
            self._index = index
        return [entry for entry in entries if index[entry.id] is entry]

    def image(self, image: str) -> ImageEntry:
        """Return the image of an id, or of the SeriesInstanceUID of a DICOM series; NotFoundError where none has it."""
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
        series = self._dicom.find(uid)
        if series is None and is_uid(uid):
            series = next((series for series in self.dicom_series() if series.uid == uid), None)
        if series is None:
            raise NotFoundError("no DICOM series has this UID: list the images of the datastore")
        return series

    def dicom_path(self, instance: Instance) -> Path:
        """Return the path of a DICOM file, checked once more; NotFoundError where it is gone or leads elsewhere now."""
        if any(instance.path.is_relative_to(root) and stays_within(root, instance.path) for root in self._roots):
            return instance.path
        raise NotFoundError("a file of this series is gone: list the images of the datastore")

    def add_image(self, name: str, stream: BinaryIO, limit_bytes: int) -> ImageEntry:
        """Store an image durably; of several of the same content and format only the first is stored.

        Parameters
        ----------
        name : str
            The client's name of the file. Its suffix says the format; the rest stays as far as a name may hold it.
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
        uploads = self._writable / UPLOADS
        if uploads.exists() and not stays_within(self._writable, uploads):
            raise InputError("the uploads folder lies outside the data folder: remove the link")
        stem, suffix = clean_upload_name(name)
        file_name = stem + suffix if self._secret is None else f"image{suffix}"
        with storing():
            make_folder(uploads)
        with receive(unfinished_path(uploads / "image"), file_name, stream, limit_bytes) as upload:
            images = self.images()
            with self._lock:
                known = self._same_content(upload, images)
                folder = uploads / self._disk_name(upload.content_name)
                put_in_folder(upload, folder if known is None else None)
        if known is not None:
            return known
        image = next(find_images(folder), None)
        if image is None:
            raise NotFoundError("the upload is gone from the data folder: send it again")
        relative = (folder / image.relative).relative_to(self._writable).as_posix()
        with self._lock:
            if self._secret is not None:
                self._upload_names.setdefault(relative, stem + suffix)
            entry = self._index[image_id(relative)] = self._entry(self._writable, ImageLocation(relative, image.format))
        return entry

    def remove_upload(self, image: str) -> None:
        """Remove an image that was sent.

        Raises
        ------
        NotFoundError
            No image has this id, or it was not sent: the images of the folder are never removed.
        """
        entry = self.image(image)
        uploads = self._writable / UPLOADS
        if not entry.path.is_relative_to(uploads) or entry.path == uploads:
            raise NotFoundError("no image that was sent has this id")
        with self._lock:
            self._index.pop(entry.id, None)
            self._upload_names.pop(entry.path.relative_to(self._writable).as_posix(), None)
            shutil.rmtree(uploads / entry.path.relative_to(uploads).parts[0], ignore_errors=True)

    # --- labels

    def labels(self, image: str) -> dict[str, LabelEntry]:
        """Return the labels of an image by tag; NotFoundError where there is no such image."""
        stem = self._disk_name(self.image(image).id)
        labels = {tag: self._labels.find(stem, tag) for tag in self._labels.tags()}
        return {tag: label for tag, label in labels.items() if label is not None}

    def label_path(self, image: str, tag: str) -> Path:
        """Return the file of a label.

        Raises
        ------
        NotFoundError
            No such image, or it has no label under this tag.
        InputError
            The tag is none.
        """
        label = self._labels.find(self._disk_name(self.image(image).id), check_tag(tag))
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
        """Store a label durably; the one it replaces becomes its newest earlier version.

        Parameters
        ----------
        image, tag : str
            The id of its image, and the tag under which it is found.
        data : bytes or Path
            The label's file, or the path of one; its bytes are stored as they are.
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
        stem = self._disk_name(self.image(image).id)
        check_tag(tag)
        check_label_suffix(suffix)
        check_person(author, "author")
        if client:
            check_person(client, "client_id")
        if not (data if isinstance(data, bytes) else data.stat().st_size):
            raise InputError("expected a label, got an empty file: send it again")
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        return self._labels.save(stem, tag, suffix, data, LabelInfo("", "", time, author, info, client))

    def versions(self, image: str, tag: str) -> list[Path]:
        """Return the earlier versions of a label, oldest first; NotFoundError where there is no such image."""
        return self._labels.versions(self._disk_name(self.image(image).id), check_tag(tag))

    def status(self) -> Status:
        """Return how many images there are and how many have a label under any tag."""
        images, stems = self.images(), self._labels.stems()
        return Status(len(images), sum(self._disk_name(entry.id) in stems for entry in images))

    def unlabelled(self) -> list[ImageEntry]:
        """Return the images without a label under any tag, in the order of their paths."""
        stems = self._labels.stems()
        return [entry for entry in self.images() if self._disk_name(entry.id) not in stems]

    def next_unlabelled(self, scores: Mapping[str, float]) -> ImageEntry | None:
        """Return the image to label next: of those without a label the one of lowest confidence, or None.

        Parameters
        ----------
        scores : mapping of str to float
            Confidence by image id. An image without one, or of NaN, comes before all others: nothing is known of it.
            Among equals the path decides.
        """
        return min(self.unlabelled(), key=lambda entry: _confidence(scores.get(entry.id)), default=None)

    # --- inside

    def _recover(self) -> None:
        """Finish or remove the work of a dead process, unless another process serves the folder too."""
        if self._folder_lock.alone:
            with suppress(OSError):  # a folder that is only read can be served too
                for folder in (self._writable / LABELS, self._writable / UPLOADS):
                    if stays_within(self._writable, folder):
                        remove_unfinished(folder)
                self._labels.recover()
        self._folder_lock.share()

    def _disk_name(self, name: str) -> str:
        """Return a name for a file or folder: the name itself, or a keyed hash of it in an ephemeral store."""
        if self._secret is None:
            return name
        return hashlib.blake2b(name.encode(), key=self._secret, digest_size=16).hexdigest()

    def _entry(self, root: Path, location: ImageLocation) -> ImageEntry:
        path = root / location.relative
        name = self._upload_names.get(location.relative, path.name).encode("utf-8", "replace").decode("utf-8")
        return ImageEntry(image_id(location.relative), path, name, location.format, self._digests)

    def _is_there(self, entry: ImageEntry) -> bool:
        return any(entry.path.is_relative_to(root) and is_safe(root, entry.path, entry.format) for root in self._roots)

    def _same_content(self, upload: Upload, images: list[ImageEntry]) -> ImageEntry | None:
        for entry in images:
            if entry.format != upload.location.format or not entry.path.is_file():
                continue
            if entry.path.stat().st_size == upload.size and entry.sha256 == upload.sha256:
                return entry
        return None


def _confidence(score: float | None) -> float:
    return -math.inf if score is None or math.isnan(score) else score
