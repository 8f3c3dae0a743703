"""The band in which a border that an edit has just drawn may still move, at full resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.method import Task
from maskwright.interactive.methods.sight import Sight, look
from maskwright.interactive.region import box_of
from maskwright.kernels.distance import distance_to, distance_transform

Mask = NDArray[np.bool_]

# How far from the border, in units (see ``Sight``), the band reaches, and how far around it is looked.
WIDTH = 3.0
SURROUNDINGS = 24.0


@dataclass(frozen=True, eq=False)
class Band:
    """A window around what an edit changed.

    ``depth`` is the signed distance to the mask's border in units, positive inside. ``corrected`` is what the edit
    changed of an earlier mask. ``free`` are the voxels that may still change: near the border, near what the edit
    changed, and not prompted.
    """

    window: tuple[slice, ...]
    sight: Sight
    mask: Mask
    depth: NDArray[np.float32]
    corrected: Mask
    free: Mask


def band_of(task: Task, mask: Mask) -> Band | None:
    """Return the band of an edit that came to ``mask``, or None where there is no border to move."""
    changed = mask if task.previous is None else mask ^ task.previous
    if not changed.any() or mask.all() or not mask.any():
        return None
    unit = min(task.spacing_mm)
    box = box_of(changed)
    margins = [math.ceil(SURROUNDINGS * unit / step) for step in task.spacing_mm]
    window = tuple(slice(max(0, a - m), min(n, b + m)) for a, b, m, n in zip(box.lower, box.upper, margins, mask.shape))
    sight = look(task.image, window, task.intensity_range, task.spacing_mm, task.noise)
    part = mask[window]
    inner, outer = distance_transform(part, task.spacing_mm), distance_to(part, task.spacing_mm)
    most = 1e6 * unit  # a window without any border
    depth = (np.where(part, np.minimum(inner, most), -np.minimum(outer, most)) / unit).astype(np.float32)
    depth -= np.where(part, np.float32(0.5), np.float32(-0.5))  # the border runs between voxels
    free = (np.abs(depth) <= WIDTH) & ~task.positive[window] & ~task.negative[window]
    corrected = np.zeros_like(part)
    if task.previous is not None:  # else all of the border is new
        corrected = changed[window]
        free &= distance_to(corrected, task.spacing_mm) <= (WIDTH + 0.5) * unit
    return Band(window, sight, part, depth, corrected, free)
