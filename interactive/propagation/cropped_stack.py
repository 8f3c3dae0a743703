"""The window of the planes around the labels, its intensities scaled by their ranks near the outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.depths import signed_distances
from maskwright.interactive.propagation.request import Request
from maskwright.kernels.label_array import LabelArray
from maskwright.kernels.mask import bounds_of

# The margin for objects that move out of their box between two given slices: a share of its size, and some pixels.
_MARGIN_SHARE, _MARGIN_PIXELS = 0.25, 16
# Intensities are ranked among those this near to an outline, in pixels, outside and inside.
_OUTSIDE, _INSIDE = 8, 16
_KNOTS = 33
# So much of the scale is the rank, the rest is linear: ranks alone would blow up the noise of even tissue.
_BY_RANK = 0.7

Window = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class CroppedStack:
    """A window on the planes of a request, and a monotone curve of intensities to 0 .. 1."""

    request: Request
    window: Window
    intensities: NDArray[np.float64]
    scaled: NDArray[np.float64]

    def planes(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """Return the scaled intensities (n, y, x) of these planes within the window."""
        planes = self.request.image[np.asarray(numbers, int)][(slice(None), *self.window)]
        scaled: NDArray[np.float32] = np.interp(planes, self.intensities, self.scaled).astype(np.float32)
        return scaled

    def labels(self, numbers: Sequence[int]) -> LabelArray:
        """Return the labels (n, y, x) of these planes within the window."""
        labels: LabelArray = self.request.labels[np.asarray(numbers, int)][(slice(None), *self.window)]
        return labels


def crop_stack(request: Request) -> CroppedStack:
    """Return the window around all given labels, and the scale of the intensities near their outlines."""
    given = np.asarray(request.given)
    window = widened_box(request.labels[given].any(axis=0))
    inside = request.labels[given][(slice(None), *window)] > 0
    depths = signed_distances(inside, request.spacing_mm)
    near = request.image[given][(slice(None), *window)][(depths > -_OUTSIDE) & (depths < _INSIDE)]
    if near.size == 0:
        return CroppedStack(request, window, np.array([0.0]), np.array([0.0]))
    # Images may be constant or hold equal values in plenty: knots of one intensity become one.
    ranks = np.linspace(0, 1, _KNOTS)
    knots, first = np.unique(np.quantile(near.astype(np.float64), ranks), return_index=True)
    spread = knots[-1] - knots[0]
    linear = (knots - knots[0]) / spread if spread > 0 else np.zeros(1)
    return CroppedStack(request, window, knots, _BY_RANK * ranks[first] + (1 - _BY_RANK) * linear)


def widened_box(mask: NDArray[np.bool_]) -> Window:
    """Return the box of a plane's mask with a margin; an empty one where the mask is empty."""
    rows, columns = bounds_of(mask)
    if rows.stop == 0:
        return rows, columns
    return _widened(rows, mask.shape[0]), _widened(columns, mask.shape[1])


def _widened(side: slice, length: int) -> slice:
    margin = _MARGIN_PIXELS + int(_MARGIN_SHARE * (side.stop - side.start))
    return slice(max(side.start - margin, 0), min(side.stop + margin, length))
