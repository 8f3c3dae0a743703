"""Windows of a crop, and small operations on the masks in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from maskwright.interactive.crop import Crop
from maskwright.interactive.methods.features import Features
from maskwright.kernels.components import label_components
from maskwright.kernels.geodesic import geodesic_distance
from maskwright.kernels.mask import Mask

Window = tuple[slice, ...]


def window_around(box: Crop, margins: Sequence[int], shape: tuple[int, ...]) -> Window:
    """Return a box and its margins, cut to the shape."""
    return tuple(slice(max(0, a - m), min(n, b + m)) for a, b, m, n in zip(box.lower, box.upper, margins, shape))


def connected_to(seeds: Mask, mask: Mask) -> Mask:
    """Return the components of a mask that hold a seed; all of it where none does."""
    components = label_components(mask)
    chosen = np.zeros(components.count + 1, np.bool_)
    chosen[components.labels[seeds]] = True
    chosen[0] = False
    return np.asarray(chosen[components.labels]) if chosen.any() else mask


def soften(mask: Mask, spacing_mm: tuple[float, ...]) -> NDArray[np.float32]:
    """Return the mask blurred by about a voxel of the finest axis."""
    sigmas = [min(spacing_mm) / step for step in spacing_mm]
    soft: NDArray[np.float32] = gaussian_filter(mask.astype(np.float32), sigmas, truncate=3.0)
    return soft


def nearer_than(others: Mask, distance: NDArray[np.float32], seeds: Mask, features: Features) -> Mask:
    """Return the voxels whose distance from the seeds is at most that from other prompts."""
    others = others & ~seeds
    if not others.any():
        return np.ones(seeds.shape, np.bool_)
    away = geodesic_distance(features.values, others, features.spacing_mm, contrast=features.contrast)
    return np.asarray((distance <= away) & ~others)
