"""Nested regions, each the one before and some voxels more: size, cut and centre of all of them in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import GeometryError, InputError
from maskwright.kernels.device import choose_twin
from maskwright.kernels.label_array import as_any_array

__all__ = ["LevelSetMeasures", "measure_level_sets"]


@dataclass(frozen=True, eq=False)
class LevelSetMeasures:
    """The measures of the regions ``0 .. count``; region ``k`` holds the voxels of a level below ``k``.

    ``sizes`` (int64, count + 1) are voxels; ``cuts`` (float64, count + 1) sum the weights of the pairs of neighbours
    of which the region holds one. ``index_sums`` (int64, count + 1, axes) sum the voxels' indices, so that
    ``index_sums[k] / sizes[k]`` is a region's centre.
    """

    sizes: NDArray[np.int64]
    cuts: NDArray[np.float64]
    index_sums: NDArray[np.int64]


def measure_level_sets(
    levels: NDArray[np.int32], count: int, weights: tuple[NDArray[np.float32], ...]
) -> LevelSetMeasures:
    """Measure all regions of a nested family.

    Parameters
    ----------
    levels : int32, shape (y, x) or (z, y, x)
        The level at which a voxel joins, ``0 .. count - 1``; ``count`` or more never joins. A negative level is a
        voxel outside the domain: it is in no region, and pairs with it are not counted.
    count : int
        How many levels there are, at least 1.
    weights : one float32 array an axis, each of the shape of ``levels``
        ``weights[a][p]`` belongs to the pair of voxel ``p`` and the next one along axis ``a``: 4-neighbours in 2-D,
        6-neighbours in 3-D. The last entry along the axis has no next voxel and is not read.

    Returns
    -------
    LevelSetMeasures
        The cut of an empty region, and of one that fills the domain, is 0 up to rounding.

    Raises
    ------
    InputError
        ``levels`` is not int32 with two or three axes, or ``count`` is less than 1.
    GeometryError
        The weights are not one array an axis of that shape.

    Examples
    --------
    >>> levels = np.array([[0, 0, 1, 5]], np.int32)
    >>> one = np.ones((1, 4), np.float32)
    >>> found = measure_level_sets(levels, 2, (one, one))
    >>> found.sizes.tolist(), found.cuts.tolist()
    ([0, 2, 3], [0.0, 1.0, 1.0])
    """
    twin = choose_twin(__name__, levels=levels, **{f"weights[{axis}]": weight for axis, weight in enumerate(weights)})
    array, shape, dtype = as_any_array(levels)
    if dtype != np.int32 or len(shape) not in (2, 3):
        raise InputError(f"levels is {dtype} with {len(shape)} axes; expected int32, (y, x) or (z, y, x)")
    if count < 1:
        raise InputError(f"count is {count}; expected at least 1")
    if len(weights) != len(shape) or any(tuple(weight.shape) != shape for weight in weights):
        shapes = [tuple(weight.shape) for weight in weights]
        raise GeometryError(f"weights have shapes {shapes}; expected {len(shape)} arrays of {shape}, one an axis")
    sizes, cuts, index_sums = twin.measure_level_sets(array, count, weights)
    return LevelSetMeasures(sizes, cuts, index_sums)
