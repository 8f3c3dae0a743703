"""Volumes that requests are about, read once: by file while it does not change, and by content."""

from __future__ import annotations

import functools
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from maskwright.engine.io import read
from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.budget.reading import read_within_budget
from maskwright.engine.service.budget.request_context import current_request
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.volume import Volume

Stamp = Hashable
"""What is another one when a file, or one of a folder's, has changed."""


@dataclass(frozen=True, eq=False)
class _Kept:
    stamp: Stamp
    volume: Volume
    reservation: Reservation


@dataclass(eq=False)
class _Reading:
    """A file that is read now, or waited for."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0


class OpenVolumes:
    """The volumes read last, for as long as there is memory; two requests for one volume read it once."""

    def __init__(self, images: SharedImages, memory: Budget) -> None:
        self._images, self._memory = images, memory
        self._lock = threading.Lock()
        self._kept: dict[Path, _Kept] = {}
        self._reading: dict[Path, _Reading] = {}

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._kept)

    def open(self, path: Path, stamp: Stamp) -> Volume:
        """Return the volume of a file or folder as it is now; see ``engine.io.read`` for what is raised.

        Raises
        ------
        CapacityError
            There is no memory to read it.
        """
        found = self._found(path, stamp)
        if found is not None:
            return found
        with self._alone(path):
            found = self._found(path, stamp)
            return self._read(path, stamp) if found is None else found

    # --- inside

    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        with self._lock:
            reading = self._reading.setdefault(path, _Reading())
            reading.waiting += 1
        try:
            with reading.lock:
                yield
        finally:
            with self._lock:
                reading.waiting -= 1
                if not reading.waiting:
                    del self._reading[path]

    def _found(self, path: Path, stamp: Stamp) -> Volume | None:
        with self._lock:
            kept = self._kept.get(path)
            if kept is None or kept.stamp != stamp:
                return None
            self._memory.touch(kept.reservation)
            return kept.volume

    def _read(self, path: Path, stamp: Stamp) -> Volume:
        self._forget(path)
        volume = read_within_budget(path, read)
        size, request = volume.array.nbytes, current_request()
        volume = replace(volume, array=self._images.keep(volume.array)[1])
        if request is not None:
            request.release(size)  # from here on it is the volume's
        reservation = Reservation("volume", functools.partial(self._forget, path))
        self._memory.reserve(reservation, 0, volume.array)
        with self._lock:
            self._kept[path] = _Kept(stamp, volume, reservation)
        return volume

    def _forget(self, path: Path) -> bool:
        with self._lock:
            kept = self._kept.pop(path, None)
            if kept is None:
                return False
            self._memory.release(kept.reservation)
            return True
