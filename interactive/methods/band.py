"""The band in which the border of a new edit may still move, at full resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.crop import Crop, box_of
from maskwright.interactive.methods.features import neighbour_weights, smooth_intensities
from maskwright.interactive.methods.task import Task
from maskwright.kernels.distance import distance_to, distance_transform
from maskwright.kernels.mask import Mask

# Distances from the border, in units (see ``Features``): of the band, and of the voxels that teach appearance.
WIDTH = 3.0
SURROUNDINGS = 24.0


@dataclass(frozen=True, eq=False)
class Band:
    """The voxels near a border: a ``window`` of the crop, which is ``inner`` of the larger window ``around`` it.

    Of ``window`` are ``mask``; ``weights``, the similarity of neighbours (see ``Features``); and ``free``, the voxels
    that may still change: near the border, near the edit, and not prompted. Of ``around`` are ``values``, the smoothed
    intensities; ``depth``, the signed distance to the mask's border in units, positive inside; and ``correction``, the
    voxels of an earlier mask that the edit changed.
    """

    window: tuple[slice, ...]
    around: tuple[slice, ...]
    inner: tuple[slice, ...]
    mask: Mask
    weights: tuple[NDArray[np.float32], ...]
    free: Mask
    values: NDArray[np.float32]
    depth: NDArray[np.float32]
    correction: Mask


def band_of(task: Task, mask: Mask) -> Band | None:
    """Return the band of an edit that came to ``mask``, or None where there is no border to move."""
    difference = mask if task.previous is None else mask ^ task.previous
    if not difference.any() or mask.all() or not mask.any():
        return None
    box, unit = box_of(difference), min(task.spacing_mm)
    around, near = (_grown(box, units * unit, task) for units in (SURROUNDINGS, WIDTH + 1))
    window, inner = near.slices, near.within(around)
    values = smooth_intensities(task.image[around.slices], task.intensity_range, task.spacing_mm)
    depth = _depth(mask[around.slices], task.spacing_mm)
    free = (np.abs(depth[inner]) <= WIDTH) & ~task.positive[window] & ~task.negative[window]
    correction = np.zeros(around.shape, np.bool_)
    if task.previous is not None:  # else all of the border is new
        correction = difference[around.slices]
        free &= distance_to(correction[inner], task.spacing_mm) <= (WIDTH + 0.5) * unit
    weights = neighbour_weights(values[inner], task.spacing_mm, task.noise)
    return Band(window, around.slices, inner, mask[window], weights, free, values, depth, correction)


def _grown(box: Crop, margin_mm: float, task: Task) -> Crop:
    """Return a box with a margin, cut to the crop."""
    margins = [math.ceil(margin_mm / step) for step in task.spacing_mm]
    upper = [min(n, b + margin) for n, b, margin in zip(task.positive.shape, box.upper, margins)]
    return Crop(tuple(max(0, a - margin) for a, margin in zip(box.lower, margins)), tuple(upper))


def _depth(mask: Mask, spacing_mm: tuple[float, ...]) -> NDArray[np.float32]:
    unit = min(spacing_mm)
    most = 1e6 * unit  # where there is no border
    distance = np.minimum(distance_transform(mask + np.uint8(1), spacing_mm), most) / unit
    depth: NDArray[np.float32] = distance.astype(np.float32) - np.float32(0.5)  # the border runs between voxels
    np.negative(depth, out=depth, where=~mask)
    return depth
