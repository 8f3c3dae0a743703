"""Geodesic distances on the CPU: one thread searches the box that the limit can reach from the seeds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import InputError
from maskwright.kernels.geodesic.grid import bounds, lay_out
from maskwright.kernels.geodesic.search import spread
from maskwright.kernels.label_array import LabelArray


def geodesic_distance(
    image: NDArray[np.float32], seeds: LabelArray, spacing: tuple[float, ...], contrast: float, limit: float
) -> NDArray[np.float32]:
    """Return the distances of a checked image; see the family's docstring."""
    result = np.full(seeds.shape, np.inf, np.float32)
    indices = np.unravel_index(np.flatnonzero(seeds), seeds.shape)
    if indices[0].size == 0:
        return result
    box = bounds(indices, seeds.shape, spacing, limit)
    if not np.isfinite(image[box]).all():
        raise InputError("image holds NaN or infinity near the seeds; expected finite numbers: replace them first")
    distances = spread(lay_out(image, indices, box, spacing), contrast, limit)
    with np.errstate(over="ignore"):  # more than a float32 can hold is infinite
        if limit == math.inf:
            result[box] = distances
        else:
            np.copyto(result[box], distances, where=distances <= limit, casting="same_kind")
    return result
