"""Shapes as signed distances: in pixels of the finer side, positive inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance import distance_to

# Distances are cut here: what is farther from a shape than this has no say in it, and an empty plane is this far out.
FAR = 64.0
# Planes do not see each other in one transform of all of them.
_APART_MM = 1e6


def signed_distances(masks: NDArray[np.bool_], spacing_mm: Sequence[float]) -> NDArray[np.float32]:
    """Return the signed distance (n, y, x) of each plane's mask: to the border between pixels, positive inside."""
    pixel = min(spacing_mm)
    spacing = (_APART_MM, *spacing_mm)
    outside, inside = distance_to(masks, spacing), distance_to(~masks, spacing)
    signed = np.where(masks, inside / pixel - 0.5, 0.5 - outside / pixel)
    return np.clip(signed, -FAR, FAR).astype(np.float32)
