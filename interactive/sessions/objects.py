"""The objects of a session: a mask and a name each, no voxel in two of them, some of them locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from maskwright.errors import InputError, LimitError
from maskwright.interactive.crop import Crop
from maskwright.interactive.sessions.history import find_flip, flip
from maskwright.interactive.sessions.prompts import Area
from maskwright.kernels.mask import Mask

MOST_OBJECTS = 65_535
LONGEST_NAME = 1000


@dataclass
class Objects:
    """Masks of one image, numbered from 1; one of them is active."""

    masks: dict[int, Mask] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    locked: set[int] = field(default_factory=set)
    active: int = 0

    def add(self, shape: tuple[int, ...], name: str) -> int:
        """Append an empty object and return its number. Its mask takes memory only where voxels are set."""
        self.check_name(name)
        if len(self.masks) >= MOST_OBJECTS:
            raise LimitError(f"a session holds at most {MOST_OBJECTS} objects; begin another one")
        number = len(self.masks) + 1
        self.masks[number] = np.zeros(shape, bool)
        self.names[number] = name
        return number

    def check_name(self, name: str) -> None:
        """Raise an InputError if an object cannot be called so."""
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            raise InputError(f"the name of an object is empty or too long; expected 1 to {LONGEST_NAME} characters")

    def check(self, object_id: int) -> None:
        """Raise an InputError if there is no object of this number."""
        if object_id not in self.masks:
            raise InputError(f"there is no object {object_id}; expected one of {list(self.masks)}")

    def mask_of(self, object_id: int) -> Mask:
        """Return a read-only view of an object's mask."""
        self.check(object_id)
        view = self.masks[object_id].view()
        view.flags.writeable = False
        return view

    def others(self, crop: Crop) -> Iterator[tuple[int, Mask]]:
        """Yield number and mask, cut to a crop, of every object but the active one."""
        for number, mask in self.masks.items():
            if number != self.active:
                yield number, mask[crop.slices]

    def flips_to(self, proposal: Mask, crop: Crop) -> dict[int, Area]:
        """Return the voxels that flip, object by object, when the active one gets this mask in this crop.

        Voxels of locked objects stay theirs; other objects give theirs up.
        """
        for number, mask in self.others(crop):
            if number in self.locked:
                proposal = proposal & ~mask
        flips = {}
        for number, mask in self.masks.items():
            before = mask[crop.slices]
            after = proposal if number == self.active else before & ~proposal
            area = find_flip(before, after, crop)
            if area is not None:
                flips[number] = area
        return flips

    def flip(self, flips: Mapping[int, Area]) -> None:
        """Flip voxels of masks, in place."""
        for number, area in flips.items():
            flip(self.masks[number], area)
