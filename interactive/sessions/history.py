"""Undo and redo: what each edit changed, as the packed difference of masks in a box."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.region import Region, box_of
from maskwright.interactive.sessions.prompts import Area, Box, Drawn, MaskPrompt, Prompt

Turned = tuple[int, Area]
"""An object and the voxels it gained or lost."""


@dataclass(frozen=True)
class Step:
    """One edit: of which object, what was said, which objects were locked then, and the voxels that turned over."""

    object_id: int
    prompt: Prompt
    locked: frozenset[int]
    turned: tuple[Turned, ...]

    @property
    def changed(self) -> Region | None:
        """Return the box in which the edited object changed, or None; no other object changed outside of it."""
        return next((area.region for object_id, area in self.turned if object_id == self.object_id), None)


def turned_voxels(before: NDArray[np.bool_], after: NDArray[np.bool_], region: Region) -> Area | None:
    """Return where two masks of a region differ, in the image's coordinates; None if nowhere."""
    difference = before ^ after
    if not difference.any():
        return None
    inner = box_of(difference)
    lower = tuple(a + b for a, b in zip(region.lower, inner.lower))
    upper = tuple(a + b for a, b in zip(region.lower, inner.upper))
    return Area(Region(lower, upper), np.packbits(difference[inner.slices]).tobytes())


def turn(mask: NDArray[np.bool_], area: Area) -> None:
    """Turn voxels of a mask of the whole image over, in place; doing it twice changes nothing."""
    mask[area.region.slices] ^= area.mask()


@dataclass
class History:
    """Steps that were done, and those undone since; a new step forgets the undone ones."""

    done: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)

    def add(self, step: Step) -> None:
        """Append a step; what was undone before cannot be redone any more."""
        self.done.append(step)
        self.undone.clear()

    def prompts_of(self, object_id: int) -> list[Drawn | Box]:
        """Return the prompts of an object that count: those after the last mask it was given, oldest first."""
        return [step.prompt for step in self._counting(object_id) if not isinstance(step.prompt, MaskPrompt)]

    def count_of(self, object_id: int) -> int:
        """Return how many prompts of an object count; a mask it was given is one, an empty one none."""
        prompts = [step.prompt for step in self._counting(object_id)]
        return sum(not isinstance(prompt, MaskPrompt) or prompt.area is not None for prompt in prompts)

    def reach(self, object_id: int) -> Region | None:
        """Return a box that holds an object's mask; None if the mask is empty. Undone steps play no part in it."""
        boxes = []
        for step in self._counting(object_id):
            if not isinstance(step.prompt, MaskPrompt):
                boxes += [area.region for number, area in step.turned if number == object_id]
            elif step.prompt.area is not None:
                boxes.append(step.prompt.area.region)
        return reduce(Region.joined, boxes) if boxes else None

    def _counting(self, object_id: int) -> list[Step]:
        """Steps of an object, from the last mask it was given on."""
        own = [step for step in self.done if step.object_id == object_id]
        starts = [i for i, step in enumerate(own) if isinstance(step.prompt, MaskPrompt)]
        return own[starts[-1] :] if starts else own

    @property
    def size_bytes(self) -> int:
        """Return what the differences and drawn prompts take."""
        areas = [area for step in self.done + self.undone for _, area in step.turned]
        drawn = [step.prompt.area for step in self.done + self.undone if not isinstance(step.prompt, Box)]
        areas += [area for area in drawn if area is not None]
        return sum(len(area.bits) for area in areas)
