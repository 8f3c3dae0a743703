"""Volumes that requests are about, read once: by file while it does not change, and by content."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

from maskwright.engine.io import at_most, read
from maskwright.engine.service.shared_images import SharedImages
from maskwright.engine.volume import Volume

Stamp = tuple[int, int]
UNPACKED_BYTES = 4 << 30
"""The largest volume that is opened, whatever its file says."""


class OpenVolumes:
    """The volumes read last, up to a number of bytes; one that is larger than that alone is still opened.

    A lock is held while a file is read: two requests for one volume read it once.
    """

    def __init__(self, images: SharedImages, limit_bytes: int) -> None:
        self._images, self._limit_bytes = images, limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Path, tuple[Stamp, Volume]] = OrderedDict()

    def open(self, path: Path) -> Volume:
        """Return the volume of a file or folder; see ``engine.io.read`` for what is raised."""
        status = path.stat()
        stamp = status.st_mtime_ns, status.st_size
        with self._lock:
            kept = self._kept.get(path)
            if kept is not None and kept[0] == stamp:
                self._kept.move_to_end(path)
                return kept[1]
            with at_most(UNPACKED_BYTES):
                volume = read(path)
            volume = replace(volume, array=self._images.keep(volume.array)[1])
            self._kept[path] = stamp, volume
            self._kept.move_to_end(path)
            while len(self._kept) > 1 and sum(v.array.nbytes for _, v in self._kept.values()) > self._limit_bytes:
                self._kept.popitem(last=False)
            return volume
