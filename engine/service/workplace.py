"""What the protocols of one server share: the datastore, visiting images, open volumes, click sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio.to_thread

from maskwright.engine.service.click_sessions import ClickSessions
from maskwright.engine.service.datastore import Datastore, ImageEntry
from maskwright.engine.service.open_volumes import OpenVolumes
from maskwright.engine.service.shared_images import SharedImages
from maskwright.engine.service.unnamed import unnamed
from maskwright.engine.volume import Volume

OPEN_BYTES = 4 << 30
UPLOAD_BYTES = 1 << 30

R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Workplace:
    """``store`` is served; ``visitors`` holds what clients send only to have it segmented, until the server ends."""

    store: Datastore
    visitors: Datastore
    images: SharedImages
    volumes: OpenVolumes
    clicks: ClickSessions = field(default_factory=ClickSessions)
    confidence: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def of(store: Datastore, visitors: Datastore) -> Workplace:
        """Return a workplace in which nothing is open yet."""
        images = SharedImages()
        return Workplace(store, visitors, images, OpenVolumes(images, OPEN_BYTES))

    def open(self, entry: ImageEntry) -> Volume:
        """Return the volume of an image; errors of its reader are raised."""
        with unnamed(entry.path, "the image"):
            return self.volumes.open(entry.path)


async def in_thread(work: Callable[[], R]) -> R:
    """Return what some work comes to, done in a thread so that others are answered meanwhile."""
    return await anyio.to_thread.run_sync(work)
