"""The band in which a border that an edit has just drawn may still move, at full resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.features import smoothed, weights_of
from maskwright.interactive.methods.task import Task
from maskwright.interactive.region import Region, box_of
from maskwright.kernels.distance import distance_to, distance_transform

Mask = NDArray[np.bool_]

# How far from the border, in units (see ``Sight``), the band reaches, and how far around it is looked.
WIDTH = 3.0
SURROUNDINGS = 24.0


@dataclass(frozen=True, eq=False)
class Band:
    """Where a border may move: ``window`` of the region, which is ``inner`` of the larger window that is looked at.

    Of ``window`` are ``mask``; ``weights``, how strongly neighbours hang together (see ``Sight``); and ``free``, the
    voxels that may still change: near the border, near what the edit changed, and not prompted. Of the larger one,
    ``around``, are ``values``, the smoothed intensities; ``depth``, the signed distance to the mask's border in units,
    positive inside; and ``corrected``, what the edit changed of an earlier mask.
    """

    window: tuple[slice, ...]
    around: tuple[slice, ...]
    inner: tuple[slice, ...]
    mask: Mask
    weights: tuple[NDArray[np.float32], ...]
    free: Mask
    values: NDArray[np.float32]
    depth: NDArray[np.float32]
    corrected: Mask


def band_of(task: Task, mask: Mask) -> Band | None:
    """Return the band of an edit that came to ``mask``, or None where there is no border to move."""
    changed = mask if task.previous is None else mask ^ task.previous
    if not changed.any() or mask.all() or not mask.any():
        return None
    box, unit = box_of(changed), min(task.spacing_mm)
    around, near = (_grown(box, reach * unit, task) for reach in (SURROUNDINGS, WIDTH + 1))
    window, inner = near.slices, near.within(around)
    values = smoothed(task.image[around.slices], task.intensity_range, task.spacing_mm)
    depth = _depth(mask[around.slices], task.spacing_mm)
    free = (np.abs(depth[inner]) <= WIDTH) & ~task.positive[window] & ~task.negative[window]
    corrected = np.zeros(around.shape, np.bool_)
    if task.previous is not None:  # else all of the border is new
        corrected = changed[around.slices]
        free &= distance_to(corrected[inner], task.spacing_mm) <= (WIDTH + 0.5) * unit
    weights = weights_of(values[inner], task.spacing_mm, task.noise)
    return Band(window, around.slices, inner, mask[window], weights, free, values, depth, corrected)


def _grown(box: Region, reach_mm: float, task: Task) -> Region:
    """Return a box and what is within reach of it, as far as the region goes."""
    margins = [math.ceil(reach_mm / step) for step in task.spacing_mm]
    upper = [min(n, b + margin) for n, b, margin in zip(task.positive.shape, box.upper, margins)]
    return Region(tuple(max(0, a - margin) for a, margin in zip(box.lower, margins)), tuple(upper))


def _depth(mask: Mask, spacing_mm: tuple[float, ...]) -> NDArray[np.float32]:
    unit = min(spacing_mm)
    most = 1e6 * unit  # where there is no border
    apart = np.minimum(distance_transform(mask + np.uint8(1), spacing_mm), most) / unit
    depth: NDArray[np.float32] = apart.astype(np.float32) - np.float32(0.5)  # the border runs between voxels
    np.negative(depth, out=depth, where=~mask)
    return depth
