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
SPREADS = 2.5
"""So many standard deviations of the prompts' neighbourhoods count as alike, where that is more."""


@dataclass(frozen=True)
class RegionGrowing:
    """Voxels connected to the positive prompts whose local mean lies within a tolerance of theirs.

    The tolerance is learned from the neighbourhoods (3 voxels an axis) of the prompts. Nearer to the intensity of a
    negative prompt than to that of any positive one is outside. Local means blur borders by a voxel, so neighbours of
    the grown voxels join if their own intensity is alike. With a box nothing outside of it is taken.
    """

    name: str = "region-growing"

    def segment(self, task: Task) -> NDArray[np.bool_]:
        """Return the mask of the prompted object; see `Task`.

        Without a positive prompt the middle of the box counts as one. Without a box too, the previous mask is
        cut down, to what is like the middle half of its intensities; with none of these nothing is inside.
        """
        gray = task.image.mean(-1) if task.color else task.image
        around = ndimage.uniform_filter(gray, 3)
        spread = np.sqrt(np.maximum(0, ndimage.uniform_filter(gray * gray, 3) - around * around))
        seeds = _seeds(task, around)
        if not seeds.any():
            return seeds
        low, high = task.intensity_range
        tolerance = max(LEAST_TOLERANCE * (high - low), SPREADS * float(np.median(spread[seeds])))
        allowed = _allowed(task) & ~task.negative
        seen, unwanted = np.unique(around[seeds]), np.unique(around[task.negative])
        core = _connected(_alike(around, seen, unwanted, tolerance) & allowed | seeds, seeds)
        rim = ndimage.binary_dilation(core, np.ones((3,) * core.ndim)) & allowed
        grown: NDArray[np.bool_] = core | (rim & _alike(gray, seen, unwanted, tolerance))
        return grown


def _seeds(task: Task, around: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Voxels that are inside for certain."""
    seeds = task.positive.copy()
    if seeds.any():
        return seeds
    if task.box is not None:
        seeds[tuple((a + b) // 2 for a, b in zip(*task.box))] = True
    elif task.previous is not None and task.previous.any():
        low, high = np.percentile(around[task.previous], (25, 75))
        seeds = task.previous & (around >= low) & (around <= high)
    return seeds & ~task.negative


def _allowed(task: Task) -> NDArray[np.bool_]:
    """Where the object may be, whatever it looks like."""
    if task.box is not None:
        inside = np.zeros(task.positive.shape, bool)
        inside[tuple(map(slice, *task.box))] = True
        return inside
    if task.previous is not None and not task.positive.any():
        return task.previous
    return np.ones(task.positive.shape, bool)


def _connected(alike: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the 4-/6-connected parts of a mask that hold a seed."""
    parts = label_components(alike, 2 * alike.ndim)
    reached = np.zeros(parts.count + 1, bool)
    reached[parts.labels[seeds]] = True
    reached[0] = False
    return reached[parts.labels]


def _alike(
    values: NDArray[np.float32], seen: NDArray[np.float32], unwanted: NDArray[np.float32], tolerance: float
) -> NDArray[np.bool_]:
    """Where intensities are within a tolerance of those seen, and not nearer to an unwanted one; both are sorted."""
    distance = _nearest(values, seen)
    alike: NDArray[np.bool_] = distance <= tolerance
    if unwanted.size:
        alike &= distance <= _nearest(values, unwanted)
    return alike


def _nearest(values: NDArray[np.float32], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far each value is from the nearest of those seen, which are sorted."""
    right = np.clip(np.searchsorted(seen, values), 0, len(seen) - 1)
    nearest: NDArray[np.float32] = np.minimum(
        np.abs(values - seen[right]), np.abs(values - seen[np.maximum(right - 1, 0)])
    )
    return nearest
