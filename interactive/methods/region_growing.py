"""Region growing: connected voxels with intensities like those of the positive prompts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskwright.interactive.methods.method import TaskMethod
from maskwright.interactive.methods.task import Task
from maskwright.kernels.components import label_components

LEAST_TOLERANCE = 0.06
"""Of the image's robust range: intensities this near are similar where the prompts lie in a flat part."""
SPREADS = 2.5
"""So many standard deviations of the prompts' neighbourhoods are similar, where that is more."""


def segment(task: Task) -> NDArray[np.bool_]:
    """Return the voxels connected to the positive prompts whose local mean lies within a tolerance of theirs.

    The tolerance is learned from the neighbourhoods (3 voxels an axis) of the prompts. Nearer to the intensity of a
    negative prompt than to that of any positive one is outside. Local means blur borders by a voxel, so neighbours of
    the grown voxels join if their own intensity is similar. With a box nothing outside of it is taken.

    Without a positive prompt the middle of the box counts as one. Without a box too, the previous mask is cut down to
    the middle half of its intensities; with none of these nothing is inside.
    """
    gray = task.image.mean(-1) if task.color else task.image
    local_mean = ndimage.uniform_filter(gray, 3)
    spread = np.sqrt(np.maximum(0, ndimage.uniform_filter(gray * gray, 3) - local_mean * local_mean))
    seeds = _seeds(task, local_mean)
    if not seeds.any():
        return seeds
    low, high = task.intensity_range
    tolerance = max(LEAST_TOLERANCE * (high - low), SPREADS * float(np.median(spread[seeds])))
    allowed = _allowed(task) & ~task.negative
    inside, outside = np.unique(local_mean[seeds]), np.unique(local_mean[task.negative])
    core = _connected(_similar(local_mean, inside, outside, tolerance) & allowed | seeds, seeds)
    rim = ndimage.binary_dilation(core, np.ones((3,) * core.ndim)) & allowed
    grown: NDArray[np.bool_] = core | (rim & _similar(gray, inside, outside, tolerance))
    return grown


def _seeds(task: Task, local_mean: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return voxels that are inside for certain."""
    seeds = task.positive.copy()
    if seeds.any():
        return seeds
    if task.box is not None:
        seeds[tuple((a + b) // 2 for a, b in zip(*task.box))] = True
    elif task.previous is not None and task.previous.any():
        low, high = np.percentile(local_mean[task.previous], (25, 75))
        seeds = task.previous & (local_mean >= low) & (local_mean <= high)
    return seeds & ~task.negative


def _allowed(task: Task) -> NDArray[np.bool_]:
    """Return where the object may be, whatever its intensities."""
    if task.box is not None:
        inside = np.zeros(task.positive.shape, bool)
        inside[tuple(map(slice, *task.box))] = True
        return inside
    if task.previous is not None and not task.positive.any():
        return task.previous
    return np.ones(task.positive.shape, bool)


def _connected(mask: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the 4-/6-connected parts of a mask that hold a seed."""
    parts = label_components(mask, 2 * mask.ndim)
    chosen = np.zeros(parts.count + 1, bool)
    chosen[parts.labels[seeds]] = True
    chosen[0] = False
    return chosen[parts.labels]


def _similar(
    values: NDArray[np.float32], inside: NDArray[np.float32], outside: NDArray[np.float32], tolerance: float
) -> NDArray[np.bool_]:
    """Return where intensities are within a tolerance of the inside ones, and no outside one is nearer; both sorted."""
    distance = _nearest(values, inside)
    similar: NDArray[np.bool_] = distance <= tolerance
    if outside.size:
        similar &= distance <= _nearest(values, outside)
    return similar


def _nearest(values: NDArray[np.float32], intensities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance of each value to the nearest of some sorted intensities."""
    right = np.clip(np.searchsorted(intensities, values), 0, len(intensities) - 1)
    nearest: NDArray[np.float32] = np.minimum(
        np.abs(values - intensities[right]), np.abs(values - intensities[np.maximum(right - 1, 0)])
    )
    return nearest


METHOD = TaskMethod("region-growing", segment)
