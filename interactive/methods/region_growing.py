"""Region growing: what hangs together with the positive prompts and looks like them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskwright.interactive.methods.method import Task
from maskwright.kernels.components import label_components

LEAST_TOLERANCE = 0.06
"""Of the image's robust range: what counts as alike where the prompts lie in a flat place."""


@dataclass(frozen=True)
class RegionGrowing:
    """Voxels within a tolerance of the positive prompts' intensities, nearer to them than to the negative ones."""

    name: str = "region-growing"

    def segment(self, task: Task) -> NDArray[np.bool_]:
        """Return the mask of the prompted object; see `Task`. Without a positive prompt: the box, or nothing."""
        gray = task.image.mean(-1) if task.color else task.image
        positive = task.positive.copy()
        if task.box is not None:
            box = tuple(map(slice, *task.box))
            if not positive.any():
                positive[tuple((s.start + s.stop) // 2 for s in box)] = True
        if not positive.any():
            return positive
        alike = _alike(gray, positive, task.negative, task.intensity_range)
        if task.box is not None:
            outside = np.ones(alike.shape, bool)
            outside[box] = False
            alike &= ~outside
        parts = label_components(alike, 4 if gray.ndim == 2 else 6)
        reached = np.zeros(parts.count + 1, bool)
        reached[parts.labels[positive & alike]] = True
        reached[0] = False
        grown: NDArray[np.bool_] = reached[parts.labels]
        return grown


def _alike(
    gray: NDArray[np.float32], positive: NDArray[np.bool_], negative: NDArray[np.bool_], whole: tuple[float, float]
) -> NDArray[np.bool_]:
    """Where intensities are within reach of a prompted one, and nearer to it than to any prompted outside."""
    around = ndimage.uniform_filter(gray, 3)
    spread = np.sqrt(np.maximum(0, ndimage.uniform_filter(gray * gray, 3) - around * around))
    tolerance = max(LEAST_TOLERANCE * (whole[1] - whole[0]), 2.5 * float(np.median(spread[positive])))
    inside = _nearest(around, around[positive])
    alike = (inside <= tolerance) | positive
    if negative.any():
        alike &= (inside <= _nearest(around, around[negative])) & ~negative
    return alike


def _nearest(values: NDArray[np.float32], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far each value is from the nearest of those seen."""
    seen = np.sort(seen)
    right = np.clip(np.searchsorted(seen, values), 0, len(seen) - 1)
    nearest: NDArray[np.float32] = np.minimum(
        np.abs(values - seen[right]), np.abs(values - seen[np.maximum(right - 1, 0)])
    )
    return nearest
