"""The state that the protocols of one server share: datastore, transient uploads, open volumes, click sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.budget.limits import DEFAULTS, Limits
from maskwright.engine.service.images.open_volumes import OpenVolumes
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.images.uploads import TransientUploads
from maskwright.engine.service.sessions.click_session import ClickSession, click_policy
from maskwright.engine.service.sessions.leases import Leases
from maskwright.engine.service.sessions.queue import SessionQueues
from maskwright.engine.service.storage import Datastore, ImageEntry
from maskwright.engine.volume import Volume
from maskwright.machine import usable_memory_bytes


@dataclass(frozen=True, eq=False)
class AppState:
    """``store`` is served; ``transient`` holds the images that clients send only to have them segmented."""

    store: Datastore
    transient: TransientUploads
    images: SharedImages
    volumes: OpenVolumes
    limits: Limits
    budget: Budget
    queues: SessionQueues
    clicks: Leases[ClickSession]
    confidence: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def of(store: Datastore, limits: Limits = DEFAULTS) -> AppState:
        """Return a state in which nothing is open yet, with a budget of its own."""
        images, budget = SharedImages(), Budget(min(limits.memory_bytes, usable_memory_bytes() // 2))
        volumes = OpenVolumes(images, budget)
        transient = TransientUploads(volumes, limits.transient_bytes, limits.body_bytes)
        queues = SessionQueues()
        clicks = Leases(ClickSession, click_policy(limits.page_idle_s), budget, queues)
        return AppState(store, transient, images, volumes, limits, budget, queues, clicks)

    def open(self, entry: ImageEntry) -> Volume:
        """Return the volume of an image; errors of its reader are raised."""
        return self.volumes.open(entry)

    def close(self) -> None:
        """Remove the transient uploads."""
        self.transient.close()
