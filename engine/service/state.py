"""What the protocols of one server share: the datastore, visiting images, open volumes, click sessions."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import BinaryIO

from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.budget.limits import DEFAULTS, Limits
from maskwright.engine.service.images.open_volumes import OpenVolumes
from maskwright.engine.service.images.redact import redact_paths
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.sessions.click_sessions import ClickSessions
from maskwright.engine.service.storage import Datastore, ImageEntry
from maskwright.engine.volume import Volume
from maskwright.errors import CapacityError, MaskwrightError, NotFoundError
from maskwright.machine import usable_memory_bytes


@dataclass(frozen=True, eq=False)
class AppState:
    """``store`` is served; ``visitors`` holds what clients send only to have it segmented, until the server ends."""

    store: Datastore
    visitors: Datastore
    images: SharedImages
    volumes: OpenVolumes
    limits: Limits
    memory: Budget
    clicks: ClickSessions
    confidence: dict[str, float] = field(default_factory=dict)
    received: OrderedDict[str, int] = field(default_factory=OrderedDict)
    receiving: threading.Lock = field(default_factory=threading.Lock)

    @staticmethod
    def of(store: Datastore, visitors: Datastore, limits: Limits = DEFAULTS) -> AppState:
        """Return a state in which nothing is open yet, with an account of its own of what is held in memory."""
        images, memory = SharedImages(), Budget(min(limits.memory_bytes, usable_memory_bytes() // 2))
        return AppState(store, visitors, images, OpenVolumes(images, memory), limits, memory, ClickSessions(memory))

    def keep(self, name: str, stream: BinaryIO) -> ImageEntry:
        """Take in an image for good; errors of its reader are raised.

        One that cannot be opened is not kept, unless only for want of memory, or it was kept before and has labels.
        """
        return self._taken_in(self.store, name, stream)

    def receive(self, name: str, stream: BinaryIO) -> ImageEntry:
        """Take in an image that is only to be segmented; those that came first go where it gets too much."""
        entry = self._taken_in(self.visitors, name, stream)
        with self.receiving:
            self.received[entry.id] = entry.path.stat().st_size
            self.received.move_to_end(entry.id)
            while len(self.received) > 1 and sum(self.received.values()) > self.limits.visitors_bytes:
                oldest, _ = self.received.popitem(last=False)
                with contextlib.suppress(NotFoundError):
                    self.visitors.remove_upload(oldest)
        return entry

    def open(self, entry: ImageEntry) -> Volume:
        """Return the volume of an image; errors of its reader are raised."""
        with redact_paths(entry.path, "the image"):
            return self.volumes.open(entry.path, entry.stamp)

    def _taken_in(self, store: Datastore, name: str, stream: BinaryIO) -> ImageEntry:
        entry = store.add_image(name, stream, self.limits.body_bytes)
        try:
            self.open(entry)  # who sent it is about to look at it, too
        except MaskwrightError as error:
            # Somebody may have sent the same file before, and be at work on it: want of memory says nothing of it.
            is_wanted = store is self.store and (isinstance(error, CapacityError) or store.labels(entry.id))
            with contextlib.suppress(NotFoundError):  # the same file lies in the folder: it is not ours to remove
                if not is_wanted:
                    store.remove_upload(entry.id)
            raise
        return entry
