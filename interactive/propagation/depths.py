"""Masks as depths: signed distances in pixels, positive inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance import distance_to

Depths = NDArray[np.float32]

# The distance of planes in one transform of all of them: none reaches another.
_PLANE_DISTANCE_MM = 1e6


def signed_distances(masks: NDArray[np.bool_], spacing_mm: Sequence[float]) -> Depths:
    """Return the depths (n, y, x) of each plane's mask: distances to the border between pixels, along the finer side.

    Where a plane has no border they are as large as the plane.
    """
    pixel = min(spacing_mm)
    spacing = (_PLANE_DISTANCE_MM, *spacing_mm)
    outside, inside = distance_to(masks, spacing), distance_to(~masks, spacing)
    far = np.float32(sum(masks.shape[1:]))
    return np.clip(np.where(masks, inside / pixel - 0.5, 0.5 - outside / pixel), -far, far).astype(np.float32)
