"""The part of the planes that matters, its intensities scaled for the flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.request import Request

# How far objects may move out of their box between two given slices: this share of its size, and some pixels.
_MARGIN_SHARE, _MARGIN_PIXELS = 0.25, 16
# Intensities near the objects are cut at these percentiles, widened by a share of their distance.
_PERCENTILES, _WIDEN = (2.0, 98.0), 0.25

Window = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Scene:
    """A window on the planes of a request, and the intensities that become 0 and 1."""

    request: Request
    window: Window
    low: float
    high: float

    def planes(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """Return the scaled intensities (n, y, x) of these planes within the window, cut at 0 and 1."""
        chosen = self.request.image[np.asarray(numbers, int)][(slice(None), *self.window)].astype(np.float32)
        scaled = (chosen - np.float32(self.low)) / np.float32(self.high - self.low)
        return np.ascontiguousarray(np.clip(scaled, 0, 1))

    def labels(self, number: int) -> NDArray[np.unsignedinteger]:
        """Return the given labels of one plane within the window."""
        plane: NDArray[np.unsignedinteger] = self.request.labels[number][self.window]
        return plane


def make_scene(request: Request) -> Scene:
    """Return the window around all given labels, and the intensities in it on the given planes."""
    given = np.asarray(request.given)
    window = widened(request.labels[given].any(axis=0))
    values = request.image[given][(slice(None), *window)].astype(np.float64)
    if values.size == 0:
        return Scene(request, window, 0.0, 1.0)
    low, high = np.percentile(values, _PERCENTILES)
    spread = max(high - low, np.spacing(max(abs(low), abs(high))), 1e-30)
    return Scene(request, window, low - _WIDEN * spread, high + _WIDEN * spread)


def widened(mask: NDArray[np.bool_]) -> Window:
    """Return the box of a plane's mask with a margin; an empty one where the mask is empty."""
    found = []
    for axis in range(2):
        filled = np.flatnonzero(mask.any(axis=1 - axis))
        if filled.size == 0:
            return slice(0, 0), slice(0, 0)
        lower, upper = int(filled[0]), int(filled[-1]) + 1
        margin = _MARGIN_PIXELS + int(_MARGIN_SHARE * (upper - lower))
        found.append(slice(max(lower - margin, 0), min(upper + margin, mask.shape[axis])))
    return found[0], found[1]
