"""The session of an object for clients that send all clicks each time: earlier clicks are not computed again.

Where the clicks of a request are those of the last one and more, the new ones are edits of the mask that is there; so a
further click changes its own part and nothing else. Anything else (a click taken back, another box) begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.service.sessions.leases import LeasePolicy
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.engine.volume import Volume
from maskwright.errors import GeometryError, PromptError
from maskwright.interactive.image import Image
from maskwright.interactive.methods.registry import METHODS
from maskwright.interactive.sessions.session import AssistSession

Index = tuple[int, ...]


def click_policy(idle_s: float) -> LeasePolicy:
    """Return the bounds of click sessions; to lose one costs its client time, not masks."""
    return LeasePolicy(sessions=32, per_owner=16, idle_s=idle_s, silent_s=idle_s, transient=True)


@dataclass(frozen=True)
class Clicks:
    """The prompts of an object: voxels inside, outside, in the order in which they came, and a half-open box."""

    positive: tuple[Index, ...] = ()
    negative: tuple[Index, ...] = ()
    box: tuple[Index, Index] | None = None

    @property
    def points(self) -> list[tuple[Index, bool]]:
        """The voxels inside, then those outside."""
        return [(index, True) for index in self.positive] + [(index, False) for index in self.negative]

    def adding(self, index: Index, positive: bool) -> Clicks:
        """Return these clicks and one more."""
        if positive:
            return replace(self, positive=(*self.positive, index))
        return replace(self, negative=(*self.negative, index))


class ClickSession(ServiceSession):
    """An object on one image, and the prompts that made it."""

    def __init__(self) -> None:
        super().__init__()
        self._method = METHODS[0]
        self._done = Clicks()

    def begin(self, volume: Volume, clicks: Clicks, method: str = METHODS[0]) -> None:
        """Begin on a volume, unless the clicks go on from those that are there.

        Raises
        ------
        PromptError
            No click is inside, and there is no box.
        GeometryError
            The volume's file does not tell its spacing.
        """
        if not clicks.positive and clicks.box is None:
            raise PromptError("nothing is marked as inside; send a click in 'foreground', or a 'roi'")
        if volume.spacing_mm is None:
            raise GeometryError("the image's file does not say its spacing; convert it to a format that does, in mm")
        same_image = self.array is volume.array and self._method == method
        if same_image and self._done.box == clicks.box and set(self._done.points) <= set(clicks.points):
            return
        self.close()
        self.assist, self._method, self._done = AssistSession(method), method, Clicks()
        self.open(Image.of(volume.array, volume.spacing_mm, volume.color), {})

    def segment(self, clicks: Clicks) -> NDArray[np.bool_]:
        """Return the mask after these clicks, bool of the volume's shape; those that are done are not repeated.

        Raises
        ------
        PromptError
            A click or the box lies outside the volume.
        """
        if clicks.box is not None and self._done.box is None:
            self.assist.add_box(*clicks.box)
            self._done = replace(self._done, box=clicks.box)
        for index, positive in clicks.points:
            if (index, positive) not in self._done.points:
                self.assist.add_point(index, positive=positive)
                self._done = self._done.adding(index, positive)
        return self.assist.mask_of(self.assist.active).copy()
