"""The objects of a session: one mask each, no voxel in two of them, and which are locked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import InputError
from maskwright.interactive.region import Region
from maskwright.interactive.sessions.history import Turned, turn, turned_voxels

Mask = NDArray[np.bool_]


@dataclass
class Objects:
    """Masks of one image, numbered from 1; one of them is active."""

    masks: dict[int, Mask] = field(default_factory=dict)
    locked: set[int] = field(default_factory=set)
    active: int = 0

    def add(self, shape: tuple[int, ...]) -> int:
        """Append an empty object and return its number. Its mask takes memory only where voxels are set."""
        number = len(self.masks) + 1
        self.masks[number] = np.zeros(shape, bool)
        return number

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

    def others(self, region: Region) -> Iterator[tuple[int, Mask]]:
        """Return number and mask, cut to a region, of every object but the active one."""
        for number, mask in self.masks.items():
            if number != self.active:
                yield number, mask[region.slices]

    def turned_by(self, region: Region, proposed: Mask) -> tuple[Turned, ...]:
        """Return what changes, object by object, when the active one gets this mask in this region.

        Voxels of locked objects stay theirs; other objects give theirs up.
        """
        for number, mask in self.others(region):
            if number in self.locked:
                proposed = proposed & ~mask
        turned = []
        for number, mask in self.masks.items():
            before = mask[region.slices]
            after = proposed if number == self.active else before & ~proposed
            area = turned_voxels(before, after, region)
            if area is not None:
                turned.append((number, area))
        return tuple(turned)

    def turn(self, turned: tuple[Turned, ...]) -> None:
        """Turn voxels over, in place."""
        for number, area in turned:
            turn(self.masks[number], area)
