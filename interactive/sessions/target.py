"""A caller's array that shows a session's objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import InputError
from maskwright.interactive.crop import Crop
from maskwright.interactive.sessions.objects import Objects


@dataclass(frozen=True, eq=False)
class Target:
    """An array of the image's shape: a bool one shows the active object, an integer one every object's number."""

    array: NDArray[Any]

    @staticmethod
    def of(array: NDArray[Any], count: int, shape: tuple[int, ...]) -> Target:
        """Check a buffer for a number of objects, and clear it."""
        if not isinstance(array, np.ndarray) or array.shape != shape or not array.flags.writeable:
            raise InputError(f"the target must be a writeable array of the image's shape, {shape}")
        if array.dtype.kind not in "bui":
            raise InputError(f"the target is {array.dtype}; expected bool or an integer")
        target = Target(array)
        target.check_holds(count)
        array[...] = 0
        return target

    @property
    def shows_active(self) -> bool:
        """Whether only the active object is shown."""
        return self.array.dtype.kind == "b"

    def check_holds(self, number: int) -> None:
        """Raise an InputError if an object of this number cannot be shown."""
        if not self.shows_active and number > np.iinfo(self.array.dtype).max:
            raise InputError(f"a target of {self.array.dtype} cannot hold object {number}; use a larger integer")

    def write(self, objects: Objects, crop: Crop) -> None:
        """Bring a crop up to date."""
        window = self.array[crop.slices]
        if self.shows_active:
            window[...] = objects.masks[objects.active][crop.slices]
            return
        window[...] = 0
        for number, mask in objects.masks.items():
            window[mask[crop.slices]] = number
