"""Operations on masks of one crop: set prompted voxels, and drop changes apart from the newest prompt."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from maskwright.interactive.crop import Crop, box_of
from maskwright.kernels.components import label_components
from maskwright.kernels.mask import Mask


def keep_local(previous: Mask, proposed: Mask, newest: Mask) -> Mask:
    """Return `previous`, changed to `proposed` only where the change belongs to the newest prompt.

    The difference of the two falls into 8-/26-connected components; those that hold or touch a voxel of `newest` are
    taken over, all others stay as they were. All three have one shape; `newest` must not be empty.
    """
    difference = previous ^ proposed
    if not difference.any():
        return previous.copy()
    # Boxes keep this quick: a click changes a small part of its crop.
    box, around = box_of(difference), _grown_by_one(box_of(newest), newest.shape)
    parts = label_components(difference[box.slices])
    near = ndimage.binary_dilation(newest[around.slices], np.ones((3,) * newest.ndim))
    touched = np.zeros(parts.count + 1, bool)
    common = box.intersection(around)
    if common is not None:
        touched[parts.labels[common.within(box)][near[common.within(around)]]] = True
    touched[0] = False
    result = previous.copy()
    result[box.slices] ^= touched[parts.labels]
    return result


def apply_prompts(mask: Mask, positive: Mask, negative: Mask) -> Mask:
    """Return a mask with the voxels prompted inside, and without those prompted outside."""
    return (mask | positive) & ~negative


def _grown_by_one(crop: Crop, shape: tuple[int, ...]) -> Crop:
    """Return a crop with one voxel more to each side that has one."""
    lower = tuple(max(0, a - 1) for a in crop.lower)
    return Crop(lower, tuple(min(n, b + 1) for b, n in zip(crop.upper, shape)))
