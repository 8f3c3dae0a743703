"""The DICOM series of a data folder by their UIDs. A header is read once for each change of its file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
        The id of its image in the datastore.
    instances : tuple of Instance
        Its files in the order of their numbers, at least one.
    attributes : mapping
        The first file's attributes of patient, study and series, in DICOM's JSON.
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
class _Header:
    """A file's header as it was at a stamp; its attributes only where they were read."""

    stamp: _Stamp
    instance: Instance | None
    attributes: Mapping[str, Any] | None = None


class DicomIndex:
    """The series of the folders of the last ``refresh``; of two folders with one series, that of the first.

    Locks: one, held while headers are read, so that two requests at once read them once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._headers: dict[Path, _Header] = {}
        self._folders: dict[Path, _Stamp | None] = {}
        self._series: dict[str, Series] = {}

    def refresh(self, folders: Sequence[tuple[str, Path]]) -> list[Series]:
        """Read folders, each with the id of its image, and return their series in this order."""
        with self._lock:
            before, self._headers = self._headers, {}
            self._folders = {folder: _stamp(folder) for _, folder in folders}
            self._series = {}
            for image, folder in folders:
                for instances in self._by_series(folder, before):
                    first = instances[0]
                    if first.series not in self._series:
                        attributes = self._attributes(first)
                        self._series[first.series] = Series(first.series, first.study, image, instances, attributes)
            return list(self._series.values())

    def find(self, uid: str) -> Series | None:
        """Return a series; None where there is none, or its folder or a file of it changed since ``refresh``."""
        with self._lock:
            series = self._series.get(uid)
            if series is None:
                return None
            folders = {instance.path.parent for instance in series.instances}
            same = all(self._folders.get(folder) == _stamp(folder) for folder in folders)
            same = same and all(self._headers[i.path].stamp == _stamp(i.path) for i in series.instances)
            return series if same else None

    def _by_series(self, folder: Path, before: Mapping[Path, _Header]) -> Iterator[tuple[Instance, ...]]:
        instances = sorted(self._instances(folder, before), key=lambda i: (i.series, i.number, i.path.name))
        for _, group in groupby(instances, key=lambda instance: instance.series):
            unique: dict[str, Instance] = {}
            for instance in group:
                unique.setdefault(instance.uid, instance)
            study = next(iter(unique.values())).study
            yield tuple(instance for instance in unique.values() if instance.study == study)

    def _instances(self, folder: Path, before: Mapping[Path, _Header]) -> Iterator[Instance]:
        for entry in entries_of(folder):
            path = Path(entry.path)
            if entry.name.startswith(".") or entry.name == "DICOMDIR" or not entry.is_file():
                continue
            stamp, header = _stamp(path), before.get(path)
            if stamp is None:
                continue
            if header is None or header.stamp != stamp:
                header = _Header(stamp, read_instance(path))
            self._headers[path] = header
            if header.instance is not None:
                yield header.instance

    def _attributes(self, instance: Instance) -> Mapping[str, Any]:
        header = self._headers[instance.path]  # that of before itself where nothing changed
        attributes = read_attributes(instance.path) if header.attributes is None else header.attributes
        self._headers[instance.path] = replace(header, attributes=attributes)
        return attributes


def _stamp(path: Path) -> _Stamp | None:
    """Return time of change and size, which change with a file or folder; None where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
