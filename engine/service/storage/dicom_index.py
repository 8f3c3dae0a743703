"""Which DICOM series a data folder holds, by their UIDs. Headers are read once for each change of a file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from maskwright.engine.service.storage.dicom_file import Instance, read_attributes, read_instance
from maskwright.engine.service.storage.listing import entries_of

_Stamp = tuple[int, int]


@dataclass(frozen=True)
class Series:
    """One series.

    Attributes
    ----------
    uid, study : str
        The UIDs of the series and of its study.
    image : str
        The id of the image that it is.
    instances : tuple of Instance
        Its files in the order of their numbers, at least one.
    attributes : mapping
        What the first file says of patient, study and series, in DICOM's JSON.
    """

    uid: str
    study: str
    image: str
    instances: tuple[Instance, ...]
    attributes: Mapping[str, Any]

    def first(self, tag: str) -> str:
        """Return the first value of an attribute, by its eight digits, as text; "" where there is none."""
        values = self.attributes.get(tag, {}).get("Value") or [""]
        return str(values[0])


@dataclass(frozen=True)
class _Known:
    """A file as it was: when it changed last, what it is, and what it says where that was asked for."""

    stamp: _Stamp
    instance: Instance | None
    attributes: Mapping[str, Any] | None = None


class DicomIndex:
    """The series of the folders it was shown last; of two folders with one series, that of the first.

    Locks: one, held while headers are read: two requests at once read them once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[Path, _Known] = {}
        self._folders: dict[Path, _Stamp | None] = {}
        self._series: dict[str, Series] = {}

    def refresh(self, folders: Sequence[tuple[str, Path]]) -> list[Series]:
        """Look at folders, each with the id of its image, and return their series in this order."""
        with self._lock:
            before, self._files = self._files, {}
            self._folders = {folder: _stamp(folder) for _, folder in folders}
            found: dict[str, Series] = {}
            for image, folder in folders:
                for instances in self._by_series(folder, before):
                    first = instances[0]
                    if first.series not in found:
                        said = self._said_by(first)
                        found[first.series] = Series(first.series, first.study, image, instances, said)
            self._series = found
            return list(found.values())

    def find(self, uid: str) -> Series | None:
        """Return a series; None where it is not known, or its folder or a file of it changed since ``refresh``."""
        with self._lock:
            series = self._series.get(uid)
            if series is None:
                return None
            folders = {instance.path.parent for instance in series.instances}
            if any(self._folders.get(folder) != _stamp(folder) for folder in folders):
                return None
            same = all(self._files[i.path].stamp == _stamp(i.path) for i in series.instances)
            return series if same else None

    def _by_series(self, folder: Path, before: Mapping[Path, _Known]) -> Iterator[tuple[Instance, ...]]:
        instances = sorted(self._instances(folder, before), key=lambda i: (i.series, i.number, i.path.name))
        for _, group in groupby(instances, key=lambda instance: instance.series):
            unique: dict[str, Instance] = {}
            for instance in group:
                unique.setdefault(instance.uid, instance)
            kept = [*unique.values()]
            yield tuple(instance for instance in kept if instance.study == kept[0].study)

    def _instances(self, folder: Path, before: Mapping[Path, _Known]) -> Iterator[Instance]:
        for entry in entries_of(folder):
            path = Path(entry.path)
            if entry.name.startswith(".") or entry.name == "DICOMDIR" or not entry.is_file():
                continue
            stamp, known = _stamp(path), before.get(path)
            if stamp is None:
                continue
            if known is None or known.stamp != stamp:
                known = _Known(stamp, read_instance(path))
            self._files[path] = known
            if known.instance is not None:
                yield known.instance

    def _said_by(self, first: Instance) -> Mapping[str, Any]:
        known = self._files[first.path]  # that of before itself where nothing changed
        said = read_attributes(first.path) if known.attributes is None else known.attributes
        self._files[first.path] = _Known(known.stamp, known.instance, said)
        return said


def _stamp(path: Path) -> _Stamp | None:
    """Return what changes with a file or folder; None where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
