"""The type of a mask, and the box that holds one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def bounds_of(mask: Mask) -> tuple[slice, ...]:
    """Return the smallest half-open box that holds a mask, a slice an axis; all of length 0 where the mask is empty."""
    bounds: list[slice] = []
    for axis in range(mask.ndim):
        filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if not filled.size:
            return (slice(0, 0),) * mask.ndim
        bounds.append(slice(int(filled[0]), int(filled[-1]) + 1))
        # The other axes need only be looked at inside these bounds: a stroke on one slice costs one scan.
        mask = mask[(slice(None),) * axis + (bounds[-1],)]
    return tuple(bounds)
