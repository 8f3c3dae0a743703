"""What an edit may change: prompts hold, locked objects stay, and what is far from the newest prompt is left alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskwright.kernels.components import label_components

Mask = NDArray[np.bool_]


def keep_local(previous: Mask, proposed: Mask, latest: Mask) -> Mask:
    """Return `previous`, changed to `proposed` only where the change belongs to the newest prompt.

    The difference of the two falls into 8-/26-connected components; those that hold or touch a voxel of `latest` are
    taken over, all others stay as they were. All three have one shape; `latest` must not be empty.
    """
    difference = previous ^ proposed
    if not difference.any():
        return previous.copy()
    parts = label_components(difference)
    if parts.count == 1 and (difference & latest).any():
        return proposed
    around = np.ones((3,) * latest.ndim, bool)
    near = ndimage.binary_dilation(latest, around)
    taken = np.zeros(parts.count + 1, bool)
    taken[parts.labels[near]] = True
    taken[0] = False
    return previous ^ taken[parts.labels]


def held(mask: Mask, positive: Mask, negative: Mask) -> Mask:
    """Return a mask whose prompted voxels are what they were said to be."""
    return (mask | positive) & ~negative
