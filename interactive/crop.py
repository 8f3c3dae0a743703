"""Crops: half-open boxes of an image's voxels, and the one that an edit works on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.mask import bounds_of

START_SIDE = {2: 512, 3: 96}
"""Voxels an axis of the first crop of an edit; a smaller image is taken whole."""
LARGEST_SIDE = {2: 1024, 3: 160}
"""A crop never grows beyond this."""
MARGIN = 16
GROWTH = 1.5


@dataclass(frozen=True)
class Crop:
    """A half-open box, `lower` to `upper`, in voxels."""

    lower: tuple[int, ...]
    upper: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sides."""
        return tuple(b - a for a, b in zip(self.lower, self.upper))

    @property
    def slices(self) -> tuple[slice, ...]:
        """Its slices in the image."""
        return tuple(slice(a, b) for a, b in zip(self.lower, self.upper))

    def is_inside(self, shape: tuple[int, ...]) -> bool:
        """Return whether the crop is not empty and lies in an image of this shape."""
        if not len(self.lower) == len(self.upper) == len(shape):
            return False
        return all(0 <= a < b <= n for a, b, n in zip(self.lower, self.upper, shape))

    def intersection(self, other: Crop) -> Crop | None:
        """Return the intersection, or None."""
        lower = tuple(max(a, b) for a, b in zip(self.lower, other.lower))
        upper = tuple(min(a, b) for a, b in zip(self.upper, other.upper))
        return Crop(lower, upper) if all(a < b for a, b in zip(lower, upper)) else None

    def union(self, other: Crop) -> Crop:
        """Return the smallest crop that holds both."""
        lower = tuple(min(a, b) for a, b in zip(self.lower, other.lower))
        return Crop(lower, tuple(max(a, b) for a, b in zip(self.upper, other.upper)))

    def within(self, outer: Crop) -> tuple[slice, ...]:
        """Return the slices of this crop in an array that shows `outer`, which holds it."""
        return tuple(slice(a - o, b - o) for a, b, o in zip(self.lower, self.upper, outer.lower))


def box_of(mask: NDArray[np.bool_]) -> Crop:
    """Return the bounding box of a mask that is not empty."""
    bounds = bounds_of(mask)
    return Crop(tuple(side.start for side in bounds), tuple(side.stop for side in bounds))


def starting_crop(newest: Crop, others: Iterable[Crop], shape: tuple[int, ...]) -> Crop:
    """Return the first crop of an edit: around the newest prompt, with the object's other prompts and mask.

    Parameters
    ----------
    newest
        The box of the newest prompt. It is always inside, however large.
    others
        The boxes of the object's earlier prompts and of its mask; those too far from the newest prompt are left out.
    shape
        Of the image.
    """
    start, largest = START_SIDE[len(shape)], LARGEST_SIDE[len(shape)]
    whole = reduce(Crop.union, others, newest)
    lower, upper = [], []
    for axis, n in enumerate(shape):
        if n <= start:
            ends = 0, n
        else:
            low, high = whole.lower[axis] - MARGIN, whole.upper[axis] + MARGIN
            middle = (newest.lower[axis] + newest.upper[axis]) // 2
            low, high = max(low, middle - largest // 2), min(high, middle + largest // 2)
            lack = max(0, start - (high - low))
            low, high = low - lack // 2, high + lack - lack // 2
            ends = min(low, newest.lower[axis]), max(high, newest.upper[axis])
            ends = _shift(*ends, n)
        lower.append(ends[0])
        upper.append(ends[1])
    return Crop(tuple(lower), tuple(upper))


def enlarge(crop: Crop, mask: NDArray[np.bool_], shape: tuple[int, ...]) -> Crop | None:
    """Return a larger crop if the mask reaches a border of this one that is not the image's, else None.

    Each side that is reached moves out by half of the crop's length, and never so far that it is longer than
    `LARGEST_SIDE`.
    """
    largest = LARGEST_SIDE[len(shape)]
    lower, upper = list(crop.lower), list(crop.upper)
    for axis, n in enumerate(shape):
        side = upper[axis] - lower[axis]
        plane = np.moveaxis(mask, axis, 0)
        before, after = lower[axis] > 0 and bool(plane[0].any()), upper[axis] < n and bool(plane[-1].any())
        more = min(int(side * (GROWTH - 1)), (largest - side) // (1 + (before and after)))
        if more > 0 and before:
            lower[axis] = max(0, lower[axis] - more)
        if more > 0 and after:
            upper[axis] = min(n, upper[axis] + more)
    larger = Crop(tuple(lower), tuple(upper))
    return larger if larger != crop else None


def touches_border(mask: NDArray[np.bool_], crop: Crop, shape: tuple[int, ...]) -> bool:
    """Return whether a mask of a crop reaches a border of it that is not the image's."""
    for axis, n in enumerate(shape):
        plane = np.moveaxis(mask, axis, 0)
        if (crop.lower[axis] > 0 and plane[0].any()) or (crop.upper[axis] < n and plane[-1].any()):
            return True
    return False


def _shift(low: int, high: int, n: int) -> tuple[int, int]:
    """Move an interval into 0..n, and cut it there if it is too long."""
    if low < 0:
        low, high = 0, high - low
    if high > n:
        low, high = low - (high - n), n
    return max(0, low), min(n, high)
