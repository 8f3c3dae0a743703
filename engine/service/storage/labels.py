"""Labels of one folder, ``<tag>/<stem><suffix>``, each with its record ``<tag>/<stem>.json`` and earlier versions.

The stem is the id of the label's image. A save is, in this order: the new bytes and their record under temporary
names, on the disk; the label it replaces linked into ``versions``; the record as ``.<stem>.next.json``; the label
renamed into place; the record renamed into place. The record in place names the file that is the label, and the hash
of its bytes. A process that dies between the last two leaves a ``next`` record that fits the label: ``recover`` puts
it into place. One that dies earlier leaves the label that was there.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from maskwright.engine.io.formats import STORED_LABEL_SUFFIXES
from maskwright.engine.service.storage.listing import entries_of, is_file_within, stays_within
from maskwright.engine.storage import file_digest, make_folder, storing, sync_folder, unfinished_path, write_synced
from maskwright.errors import InputError, LimitError

_LARGEST_RECORD = 1 << 20  # bytes


@dataclass(frozen=True)
class LabelInfo:
    """The record beside a label.

    Attributes
    ----------
    file : str
        The name of the label's file.
    sha256 : str
        Of the file's bytes: a record speaks of these bytes and of no others.
    time : str
        The time of the save, UTC, in ISO 8601.
    author : str
        The name of the token with which the label was saved.
    label_info : mapping
        The client's description of the labels, such as ``{"label_info": [{"name": "spleen", "idx": 1}]}``.
    client : str
        The client's own name for itself, "" where it gave none. Nobody checks it: it is no identity.
    """

    file: str
    sha256: str
    time: str
    author: str
    label_info: Mapping[str, Any] = field(default_factory=dict)
    client: str = ""

    def to_bytes(self) -> bytes:
        """Return it as JSON.

        Raises
        ------
        InputError
            ``label_info`` holds something JSON cannot, or NaN.
        LimitError
            It is larger than 1 MiB.
        """
        try:
            data = json.dumps(asdict(self), allow_nan=False, indent=1).encode("ascii")
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError("label_info holds something that JSON cannot: send numbers, texts and lists") from error
        if len(data) > _LARGEST_RECORD:
            raise LimitError(f"label_info is at most {_LARGEST_RECORD} bytes as JSON, got {len(data)}: send less")
        return data


@dataclass(frozen=True)
class LabelEntry:
    """One label of an image: its tag, its file, and its record (None for a file that was put there by hand)."""

    tag: str
    path: Path
    info: LabelInfo | None


class LabelFolder:
    """The labels under one folder. Stems, tags and suffixes must have been checked before.

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

    def find(self, stem: str, tag: str) -> LabelEntry | None:
        """Return the label of an image under a tag, or None."""
        with self._lock:
            return self._find(stem, tag)

    def stems(self) -> set[str]:
        """Return the stems that have a label under any tag."""
        files = (entry for tag in self.tags() for entry in entries_of(self._folder / tag))
        return {
            entry.name.removesuffix(suffix)
            for entry in files
            for suffix in STORED_LABEL_SUFFIXES
            if entry.name.endswith(suffix) and is_file_within(self._root, entry)
        }

    def versions(self, stem: str, tag: str) -> list[Path]:
        """Return the earlier versions of a label, oldest first.

        A save that was killed leaves a version that is the current label itself; it is left out.
        """
        with self._lock:
            current = self._find(stem, tag)
            numbered = sorted(_numbered(self._folder / tag / "versions", stem))
            return [path for _, path in numbered if current is None or not _is_same_file(path, current.path)]

    def save(self, stem: str, tag: str, suffix: str, data: bytes | Path, info: LabelInfo) -> LabelEntry:
        """Store a label durably with its record, which gets the name and the hash of the file.

        Raises
        ------
        InputError, LimitError
            The record cannot be written as JSON, or the folder of the tag is no folder inside the data folder.
        StorageError
            The disk is full or read-only; the label that was there is as it was.
        """
        with storing():
            folder = self._folder / tag
            self._require_inside(folder)
            make_folder(folder)
            path = folder / f"{stem}{suffix}"
            unfinished, record = unfinished_path(path), unfinished_path(folder / f"{stem}.json")
            try:
                write_synced(unfinished, data)
                info = replace(info, file=path.name, sha256=file_digest(unfinished))
                write_synced(record, info.to_bytes())
                with self._lock:
                    self._replace(stem, tag, unfinished, record, path)
            finally:
                unfinished.unlink(missing_ok=True)
                record.unlink(missing_ok=True)
        return LabelEntry(tag, path, info)

    def recover(self) -> None:
        """Finish saves that a killed process left between their two renames, and drop those that it did not get to."""
        with self._lock:
            for tag in self.tags():
                for record in (self._folder / tag).glob(".*.next.json"):
                    self._recover_one(self._folder / tag, record)

    # --- inside, with the lock

    def _replace(self, stem: str, tag: str, unfinished: Path, record: Path, path: Path) -> None:
        folder = path.parent
        current = self._find(stem, tag)
        if current is not None:
            _add_version(folder / "versions", stem, current.path, folder / f"{stem}.json")
        next_record = folder / f".{stem}.next.json"
        record.replace(next_record)
        sync_folder(folder)
        unfinished.replace(path)
        self._remove_other_suffixes(path, stem)
        sync_folder(folder)
        next_record.replace(folder / f"{stem}.json")
        sync_folder(folder)

    def _recover_one(self, folder: Path, record: Path) -> None:
        stem = record.name[1 : -len(".next.json")]
        info = _read_record(record)
        path = None if info is None else self._file(folder, stem, info.file)
        if info is not None and path is not None and file_digest(path) == info.sha256:
            self._remove_other_suffixes(path, stem)
            record.replace(folder / f"{stem}.json")
        else:
            record.unlink(missing_ok=True)
        sync_folder(folder)

    def _find(self, stem: str, tag: str) -> LabelEntry | None:
        folder = self._folder / tag
        info = _read_record(folder / f"{stem}.json")
        if info is not None and (path := self._file(folder, stem, info.file)) is not None:
            return LabelEntry(tag, path, info)
        paths = (self._file(folder, stem, stem + suffix) for suffix in STORED_LABEL_SUFFIXES)
        return next((LabelEntry(tag, path, None) for path in paths if path is not None), None)

    def _file(self, folder: Path, stem: str, name: str) -> Path | None:
        """Return a label's file where it has one of the names it may have and lies inside the data folder."""
        if name not in {stem + suffix for suffix in STORED_LABEL_SUFFIXES}:
            return None
        path = folder / name
        return path if path.is_file() and stays_within(self._root, path) else None

    @staticmethod
    def _remove_other_suffixes(path: Path, stem: str) -> None:
        for suffix in STORED_LABEL_SUFFIXES:
            if stem + suffix != path.name:
                path.with_name(stem + suffix).unlink(missing_ok=True)

    def _require_inside(self, folder: Path) -> None:
        for step in (self._folder, folder, folder / "versions"):
            if os.path.lexists(step) and not (step.is_dir() and stays_within(self._root, step)):
                raise InputError("the folder of this tag is no folder inside the data folder: take another tag")


def _read_record(path: Path) -> LabelInfo | None:
    """Read the record of a label; None where there is none, or none that was written here."""
    try:
        info = LabelInfo(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = (info.file, info.sha256, info.time, info.author, info.client)
    return info if all(isinstance(text, str) for text in texts) and isinstance(info.label_info, dict) else None


def _numbered(folder: Path, stem: str) -> Iterator[tuple[int, Path]]:
    """Yield the versions of a label, ``<stem>.<n><suffix>``, n from 1, in any order."""
    suffixes = "|".join(map(re.escape, STORED_LABEL_SUFFIXES))
    pattern = re.compile(rf"{re.escape(stem)}\.([1-9][0-9]{{0,8}})(?:{suffixes})", re.ASCII)
    for path in folder.iterdir() if folder.is_dir() else ():
        match = pattern.fullmatch(path.name)
        if match is not None and not path.is_symlink():
            yield int(match[1]), path


def _add_version(folder: Path, stem: str, current: Path, record: Path) -> None:
    """Give the current label and its record a second name as the newest version, unless a killed save did so."""
    make_folder(folder)
    newest, path = max(_numbered(folder, stem), default=(0, None))
    if path is not None and _is_same_file(path, current):
        return
    if record.is_file():
        _link(record, folder / f"{stem}.{newest + 1}.json")
    _link(current, folder / f"{stem}.{newest + 1}{current.name[len(stem) :]}")
    sync_folder(folder)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name. A link costs nothing, and the file is never written to: saves replace it."""
    unfinished = unfinished_path(target)
    try:
        os.link(source.resolve(), unfinished)
    except OSError:  # a file system without links
        write_synced(unfinished, source)
    unfinished.replace(target)


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
