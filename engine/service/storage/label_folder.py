"""Labels of one folder, ``<tag>/<image id><suffix>``, each with its record and its earlier versions.

A save is, in this order: the new bytes and their record under temporary names, on the disk; the label it replaces
linked into ``versions``; the record as ``.<image id>.next.json``; the label renamed into place; the record renamed into
place. The record in place names the file that is the label, and the hash of its bytes. A process that dies between
the last two leaves a ``next`` record that fits the label: ``recover`` puts it into place. One that dies earlier leaves
the label that was there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from maskwright.engine.service.storage.label_info import LabelInfo, read_info
from maskwright.engine.service.storage.listing import entries_of, is_file_within, stays_within
from maskwright.engine.service.storage.names import LABEL_SUFFIXES
from maskwright.engine.service.storage.versions import keep_version, kept_versions
from maskwright.engine.storage import (
    file_digest,
    make_folder,
    storing,
    sync_folder,
    unfinished_path,
    write_synced,
)
from maskwright.errors import InputError


@dataclass(frozen=True)
class LabelEntry:
    """One label of an image: its tag, its file, and its record (None for a file that somebody else put there)."""

    tag: str
    path: Path
    info: LabelInfo | None


class LabelFolder:
    """The labels under one folder. Ids, tags and suffixes must have been checked before.

    Locks: one, held while the names of a save change or are read; writing the bytes goes on outside of it.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._lock = threading.Lock()

    def tags(self) -> list[str]:
        """Return the tags there are, sorted."""
        if not stays_within(self._root, self._folder):
            return []
        return sorted(path.name for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith("."))

    def find(self, image: str, tag: str) -> LabelEntry | None:
        """Return the label of an image under a tag, or None."""
        with self._lock:
            return self._find(image, tag)

    def labelled(self) -> set[str]:
        """Return the ids that have a label under any tag."""
        found = set()
        for tag in self.tags():
            for entry in entries_of(self._folder / tag):
                suffix = next((suffix for suffix in LABEL_SUFFIXES if entry.name.endswith(suffix)), None)
                if suffix is not None and is_file_within(self._root, entry):
                    found.add(entry.name[: -len(suffix)])
        return found

    def versions(self, image: str, tag: str) -> list[Path]:
        """Return the earlier versions of a label, oldest first."""
        with self._lock:
            current = self._find(image, tag)
            return kept_versions(self._folder / tag / "versions", image, None if current is None else current.path)

    def save(
        self,
        image: str,
        tag: str,
        data: bytes | Path,
        suffix: str,
        label_info: Mapping[str, Any],
        author: str,
        client: str = "",
    ) -> LabelEntry:
        """Keep a label; when this returns, it is on the disk. See ``Datastore.save_label``."""
        with storing():
            folder = self._folder / tag
            self._require_inside(folder)
            make_folder(folder)
            place = folder / f"{image}{suffix}"
            unfinished, record = unfinished_path(place), unfinished_path(folder / f"{image}.json")
            try:
                write_synced(unfinished, data)
                time = datetime.now(UTC).isoformat(timespec="milliseconds")
                info = LabelInfo(place.name, file_digest(unfinished), time, author, label_info, client)
                write_synced(record, info.to_bytes())
                with self._lock:
                    self._put_into_place(image, tag, unfinished, record, place)
            finally:
                unfinished.unlink(missing_ok=True)
                record.unlink(missing_ok=True)
        return LabelEntry(tag, place, info)

    def recover(self) -> None:
        """Finish saves that a killed process left between their two renames, and forget those it did not get to."""
        with self._lock:
            for tag in self.tags():
                folder = self._folder / tag
                for following in folder.glob(".*.next.json"):
                    self._recover_one(folder, following)

    def _put_into_place(self, image: str, tag: str, unfinished: Path, record: Path, place: Path) -> None:
        folder = place.parent
        current = self._find(image, tag)
        if current is not None:
            keep_version(folder / "versions", image, current.path, folder / f"{image}.json")
        following = folder / f".{image}.next.json"
        record.replace(following)
        sync_folder(folder)
        unfinished.replace(place)
        self._remove_other_suffixes(folder, image, place.name)
        sync_folder(folder)
        following.replace(folder / f"{image}.json")
        sync_folder(folder)

    def _recover_one(self, folder: Path, following: Path) -> None:
        image = following.name[1 : -len(".next.json")]
        info = read_info(following)
        place = None if info is None else self._file(folder, image, info.file)
        if info is not None and place is not None and file_digest(place) == info.sha256:
            self._remove_other_suffixes(folder, image, place.name)
            following.replace(folder / f"{image}.json")
        else:
            following.unlink(missing_ok=True)
        sync_folder(folder)

    def _find(self, image: str, tag: str) -> LabelEntry | None:
        folder = self._folder / tag
        info = read_info(folder / f"{image}.json")
        if info is not None and (path := self._file(folder, image, info.file)) is not None:
            return LabelEntry(tag, path, info)
        for suffix in LABEL_SUFFIXES:
            if (path := self._file(folder, image, image + suffix)) is not None:
                return LabelEntry(tag, path, None)
        return None

    def _file(self, folder: Path, image: str, name: str) -> Path | None:
        """Return a label's file where it has one of the names it may have and lies inside the data folder."""
        if name not in {image + suffix for suffix in LABEL_SUFFIXES}:
            return None
        path = folder / name
        return path if path.is_file() and stays_within(self._root, path) else None

    @staticmethod
    def _remove_other_suffixes(folder: Path, image: str, kept: str) -> None:
        for suffix in LABEL_SUFFIXES:
            if image + suffix != kept:
                (folder / (image + suffix)).unlink(missing_ok=True)

    def _require_inside(self, folder: Path) -> None:
        for step in (self._folder, folder, folder / "versions"):
            if os.path.lexists(step) and not (step.is_dir() and stays_within(self._root, step)):
                raise InputError("the folder of this tag is no folder inside the data folder: take another tag")
