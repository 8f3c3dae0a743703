"""Open volumes, each read once while its file does not change, and stored once for each content."""

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
from maskwright.engine.service.images.files import redact_paths
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.storage import ImageEntry
from maskwright.engine.volume import Volume


@dataclass(frozen=True, eq=False)
class _Open:
    """An open volume, and the stamp of the file when it was read."""

    stamp: Hashable
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
        self._open: dict[Path, _Open] = {}
        self._reading: dict[Path, _Reading] = {}

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def open(self, image: ImageEntry) -> Volume:
        """Return the volume of an image as its file is now; see ``engine.io.read`` for the errors of its reader.

        Raises
        ------
        NotFoundError
            The file is gone.
        CapacityError
            There is no memory to read it.
        """
        with redact_paths(image.path, "the image"):
            path, stamp = image.path, image.stamp
            volume = self._find(path, stamp)
            if volume is not None:
                return volume
            with self._alone(path):
                volume = self._find(path, stamp)
                return self._read(path, stamp) if volume is None else volume

    def forget(self, path: Path) -> bool:
        """Let the volume of a file go; False where it is not open."""
        with self._lock:
            volume = self._open.pop(path, None)
            if volume is None:
                return False
            self._memory.release(volume.reservation)
            return True

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

    def _find(self, path: Path, stamp: Hashable) -> Volume | None:
        with self._lock:
            volume = self._open.get(path)
            if volume is None or volume.stamp != stamp:
                return None
            self._memory.touch(volume.reservation)
            return volume.volume

    def _read(self, path: Path, stamp: Hashable) -> Volume:
        self.forget(path)
        volume = read_within_budget(path, read)
        size, request = volume.array.nbytes, current_request()
        volume = replace(volume, array=self._images.share(volume.array)[1])
        if request is not None:
            request.release(size)  # from here on it is the volume's
        reservation = Reservation("volume", functools.partial(self.forget, path))
        self._memory.reserve(reservation, 0, volume.array)
        with self._lock:
            self._open[path] = _Open(stamp, volume, reservation)
        return volume
