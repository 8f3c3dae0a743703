"""Geodesic distances: how far a voxel is from the seeds when every change of intensity on the way is a detour."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import ConfigError, GeometryError, InputError
from maskwright.kernels.device import choose_twin
from maskwright.kernels.label_array import as_any_array, as_mask, check_spacing

__all__ = ["geodesic_distance"]


def geodesic_distance(
    image: NDArray[np.float32],
    seeds: NDArray[np.bool_],
    spacing_mm: Sequence[float],
    *,
    contrast: float,
    limit: float = math.inf,
) -> NDArray[np.float32]:
    """Return the length of the shortest path from each voxel to a seed, where changes of intensity cost length.

    Paths go from neighbour to neighbour, 8 in 2-D and 26 in 3-D. A step of ``s`` mm between voxels whose intensities
    differ by ``d`` has the length ``sqrt(s**2 + (contrast * d)**2)``: that of a walk on the graph of the image
    (Toivanen, New geodesic distance transforms for gray-scale images, Pattern Recognition Letters 1996; Criminisi,
    Sharp and Blake, GeoS, ECCV 2008). The result is the minimum over all paths, not an approximation by sweeps.

    Parameters
    ----------
    image : float32, the shape of ``seeds``, or with a last axis of channels
        Any strides. With channels, ``d`` is the Euclidean norm of their differences.
    seeds : bool, shape (y, x) or (z, y, x)
        The voxels of distance 0. Any strides; may be empty.
    spacing_mm : one positive number an axis
        Voxel size in mm, in array-axis order.
    contrast : float
        How many mm a change of intensity by 1 costs; 0 or more. With 0, the image does not count.
    limit : float
        The largest distance wanted, itself included. Time and memory beyond the result are those of the box that
        the limit can reach from the seeds, whatever the size of the image.

    Returns
    -------
    float32, the shape of ``seeds``
        C-contiguous; infinite where no seed is within ``limit``, everywhere if no voxel is a seed. Sums are float64,
        rounded once at the end. Neither threads nor strides change a bit.

    Raises
    ------
    InputError, LabelError
        The image is not float32, or not finite where the limit can reach; seeds that are not bool, or another number
        of axes.
    GeometryError
        Image and seeds do not fit together, or the spacing is not one positive finite number an axis.
    ConfigError
        ``contrast`` or ``limit`` is negative or NaN, or ``contrast`` is infinite.

    Examples
    --------
    >>> image = np.array([[0, 0, 4, 4]], np.float32)
    >>> seeds = np.array([[True, False, False, False]])
    >>> geodesic_distance(image, seeds, (1.0, 3.0), contrast=1.0).tolist()
    [[0.0, 3.0, 8.0, 11.0]]
    >>> geodesic_distance(image, seeds, (1.0, 3.0), contrast=1.0, limit=8.0).tolist()
    [[0.0, 3.0, 8.0, inf]]
    """
    twin = choose_twin(__name__, image=image, seeds=seeds)
    mask = as_mask(seeds, "seeds")
    image, shape, dtype = as_any_array(image)
    if dtype != np.float32:
        raise InputError(f"image is {dtype}; expected float32")
    if tuple(mask.shape) not in (shape, shape[:-1]):
        raise GeometryError(
            f"image has shape {shape} and seeds {tuple(mask.shape)}; expected the same, or a last axis of channels more"
        )
    spacing = check_spacing(spacing_mm, len(mask.shape))
    if not 0 <= contrast < math.inf:
        raise ConfigError(f"contrast is {contrast}; expected a finite number, 0 or more")
    if not limit >= 0:
        raise ConfigError(f"limit is {limit}; expected a number of mm, 0 or more")
    distances: NDArray[np.float32] = twin.geodesic_distance(image, mask, spacing, contrast, limit)
    return distances
