"""Assist sessions for clients that send all clicks each time: what was said before is not computed again.

A client sends the clicks of an object anew with every request. Where they are those of its last request and more, the
new ones are edits of the mask that is there; so a further click changes what it is about and nothing else. Anything
else (a click taken back, another box) begins the object again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.volume import Volume
from maskwright.interactive.session import AssistSession
from maskwright.kernels.errors import GeometryError, PromptError

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
    said: list[tuple[Index, bool]] = field(default_factory=list)
    busy: threading.Lock = field(default_factory=threading.Lock)


class ClickSessions:
    """Sessions by what the caller names them: a client, an image and an object, say.

    Locks: a session's ``busy`` is held while its mask is computed; ``_lock`` only for the table, never while waiting.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def segment(self, name: Hashable, volume: Volume, clicks: Clicks) -> NDArray[np.bool_]:
        """Return the mask of the clicked object: bool, the volume's shape.

        Raises
        ------
        PromptError
            Nothing is said, or a click lies outside the volume.
        GeometryError
            The volume's file says nothing of its spacing.
        """
        if not clicks.positive and clicks.box is None:
            raise PromptError("nothing is said to be inside; send a click in 'foreground', or a 'roi'")
        kept = self._of(name, volume, clicks)
        with kept.busy:
            for index, positive in clicks.points:
                if (index, positive) not in kept.said:
                    kept.session.add_point(index, positive=positive)
                    kept.said.append((index, positive))
            return kept.session.mask_of(kept.session.active).copy()

    def _of(self, name: Hashable, volume: Volume, clicks: Clicks) -> _Kept:
        with self._lock:
            kept = self._kept.get(name)
            goes_on = kept is not None and kept.box == clicks.box and set(kept.said) <= set(clicks.points)
        if kept is None or not goes_on or kept.session.picture.array is not volume.array:
            kept = _begun(volume, clicks)
        with self._lock:
            self._kept[name] = kept
            self._kept.move_to_end(name)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return kept


def _begun(volume: Volume, clicks: Clicks) -> _Kept:
    if volume.spacing_mm is None:
        raise GeometryError("the image's file does not say its spacing; convert it to a format that does, in mm")
    session = AssistSession()
    session.set_image(volume.array, volume.spacing_mm, volume.color)
    if clicks.box is not None:
        session.add_box(*clicks.box)
    return _Kept(session, clicks.box)
