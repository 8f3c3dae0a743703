"""Assist sessions for clients that send all clicks each time: earlier clicks are not computed again.

A client sends the clicks of an object anew with every request. Where they are those of its last request and more, the
new ones are edits of the mask that is there; so a further click changes what it is about and nothing else. Anything
else (a click taken back, another box) begins the object again.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.sessions.queue import SessionQueues
from maskwright.engine.volume import Volume
from maskwright.errors import CapacityError, GeometryError, PromptError
from maskwright.interactive.sessions.session import AssistSession

Index = tuple[int, ...]
MOST = 32
"""Sessions that are kept; the ones not used for longest are forgotten, which costs their clients time, not masks."""


@dataclass(frozen=True)
class Clicks:
    """All that is said of an object: voxels inside, outside, in the order they came, and a half-open box."""

    positive: tuple[Index, ...] = ()
    negative: tuple[Index, ...] = ()
    box: tuple[Index, Index] | None = None

    @property
    def points(self) -> list[tuple[Index, bool]]:
        """Those inside, then those outside."""
        return [(index, True) for index in self.positive] + [(index, False) for index in self.negative]


@dataclass(eq=False)
class _Kept:
    session: AssistSession
    box: tuple[Index, Index] | None
    reservation: Reservation
    points: list[tuple[Index, bool]] = field(default_factory=list)


class ClickSessions:
    """Sessions by a key: a client, an image and an object. Each answers its requests in order of ``queues``.

    Their images, masks and histories are in the account of ``memory``; ``leases`` tells the order of the locks.
    """

    def __init__(self, memory: Budget) -> None:
        self._memory = memory
        self.queues = SessionQueues()
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def segment(self, name: Hashable, volume: Volume, clicks: Clicks) -> NDArray[np.bool_]:
        """Return the mask of the clicked object: bool, the volume's shape. The caller has the turn of ``name``.

        Raises
        ------
        PromptError
            Nothing is said, or a click lies outside the volume.
        GeometryError
            The volume's file says nothing of its spacing.
        CapacityError
            There is no memory for it now.
        """
        if not clicks.positive and clicks.box is None:
            raise PromptError("nothing is said to be inside; send a click in 'foreground', or a 'roi'")
        kept = self._of(name, volume, clicks)
        kept.reservation.busy = True
        try:
            for index, positive in clicks.points:
                if (index, positive) not in kept.points:
                    kept.session.add_point(index, positive=positive)
                    kept.points.append((index, positive))
            self._count(name, kept)
            return kept.session.mask_of(kept.session.active).copy()
        finally:
            kept.reservation.busy = False

    def _of(self, name: Hashable, volume: Volume, clicks: Clicks) -> _Kept:
        with self._lock:
            kept = self._kept.get(name)
            goes_on = kept is not None and kept.box == clicks.box and set(kept.points) <= set(clicks.points)
        if kept is None or not goes_on or kept.session.image.array is not volume.array:
            kept = self._begun(name, volume, clicks)
        with self._lock:
            earlier = self._kept.get(name)
            self._kept[name] = kept
            self._kept.move_to_end(name)
            gone = [] if earlier in (None, kept) else [earlier]
            while len(self._kept) > MOST:
                gone.append(self._kept.popitem(last=False)[1])
        for each in gone:
            self._memory.release(each.reservation)
        return kept

    def _begun(self, name: Hashable, volume: Volume, clicks: Clicks) -> _Kept:
        if volume.spacing_mm is None:
            raise GeometryError("the image's file does not say its spacing; convert it to a format that does, in mm")
        reservation = Reservation("session", functools.partial(self._evict, name))
        self._memory.reserve(reservation, volume.array.size, volume.array)
        try:
            session = AssistSession()
            session.set_image(volume.array, volume.spacing_mm, volume.color)
            if clicks.box is not None:
                session.add_box(*clicks.box)
        except Exception:
            self._memory.release(reservation)
            raise
        return _Kept(session, clicks.box, reservation)

    def _count(self, name: Hashable, kept: _Kept) -> None:
        """Note what a session has come to; one that there is no room for is forgotten, and its mask still answered."""
        array = kept.session.image.array
        try:
            self._memory.reserve(kept.reservation, array.size + kept.session.history_bytes, array)
        except CapacityError:
            self._forget(name, kept)
        with self._lock:
            is_kept = self._kept.get(name) is kept
        if not is_kept:  # it went while it was at work
            self._memory.release(kept.reservation)

    def _evict(self, name: Hashable) -> bool:
        """Forget a session for want of memory, unless it is at work: its client's clicks come again with the next."""
        with self._lock:
            kept = self._kept.get(name)
        if kept is None or kept.reservation.busy:
            return False
        self._forget(name, kept)
        return True

    def _forget(self, name: Hashable, kept: _Kept) -> None:
        with self._lock:
            if self._kept.get(name) is kept:
                del self._kept[name]
        self._memory.release(kept.reservation)
