"""Undo and redo: the voxels that each edit flipped, as bits in a box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.crop import Crop, box_of
from maskwright.interactive.sessions.prompts import Area, Box, Drawn, MaskPrompt, Prompt


@dataclass(frozen=True)
class Step:
    """One edit: the prompted object, the prompt, and for each object that changed the voxels it gained or lost.

    No other object changed outside the box of the prompted one. ``is_cut`` is that of ``Edit``.
    """

    object_id: int
    prompt: Prompt
    flips: Mapping[int, Area]
    is_cut: bool = False


def find_flip(before: NDArray[np.bool_], after: NDArray[np.bool_], crop: Crop) -> Area | None:
    """Return where two masks of a crop differ, in the image's coordinates; None if nowhere."""
    difference = before ^ after
    if not difference.any():
        return None
    inner = box_of(difference)
    lower = tuple(a + b for a, b in zip(crop.lower, inner.lower))
    upper = tuple(a + b for a, b in zip(crop.lower, inner.upper))
    return Area(Crop(lower, upper), np.packbits(difference[inner.slices]).tobytes())


def flip(mask: NDArray[np.bool_], area: Area) -> None:
    """Flip voxels of a mask of the whole image, in place; doing it twice changes nothing."""
    mask[area.bounds.slices] ^= area.mask()


@dataclass
class History:
    """The edits in effect, and those undone since; a new edit forgets the undone ones."""

    done: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)

    def add(self, step: Step) -> None:
        """Append an edit; undone ones cannot be redone any more."""
        self.done.append(step)
        self.undone.clear()

    def prompts_of(self, object_id: int) -> list[Drawn | Box]:
        """Return the prompts of an object that count: those after the last mask it was given, oldest first."""
        return [step.prompt for step in self._counting(object_id) if not isinstance(step.prompt, MaskPrompt)]

    def count_of(self, object_id: int) -> int:
        """Return how many prompts of an object count; a mask it was given is one, an empty one none."""
        prompts = [step.prompt for step in self._counting(object_id)]
        return sum(not isinstance(prompt, MaskPrompt) or prompt.area is not None for prompt in prompts)

    def bounds_of(self, object_id: int) -> Crop | None:
        """Return a box that holds an object's mask, not always the smallest; None if the mask is empty."""
        boxes = []
        for step in self._counting(object_id):
            if isinstance(step.prompt, MaskPrompt):
                boxes += [] if step.prompt.area is None else [step.prompt.area.bounds]
            elif object_id in step.flips:
                boxes.append(step.flips[object_id].bounds)
        return reduce(Crop.union, boxes) if boxes else None

    def _counting(self, object_id: int) -> list[Step]:
        """Return the edits of an object in effect, from the last mask it was given on."""
        own = [step for step in self.done if step.object_id == object_id]
        starts = [i for i, step in enumerate(own) if isinstance(step.prompt, MaskPrompt)]
        return own[starts[-1] :] if starts else own

    @property
    def size_bytes(self) -> int:
        """The bytes of all flipped voxels."""
        return sum(len(area.bits) for step in self.done + self.undone for area in step.flips.values())
