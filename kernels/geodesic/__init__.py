"""Geodesic distances: how far a voxel is from the seeds when every change of intensity on the way is a detour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import ConfigError, GeometryError, InputError, LabelError
from maskwright.kernels.geodesic.grid import lay_out, reach
from maskwright.kernels.geodesic.search import spread
from maskwright.kernels.label_array import as_label_array, check_spacing

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
    seeds, image = _seeds(seeds), _image(image)
    if seeds.shape not in (image.shape, image.shape[:-1]):
        raise GeometryError(
            f"image has shape {image.shape} and seeds {seeds.shape}; expected the same, or a last axis of channels more"
        )
    spacing = check_spacing(spacing_mm, seeds.ndim)
    if not 0 <= contrast < math.inf:
        raise ConfigError(f"contrast is {contrast}; expected a finite number, 0 or more")
    if not limit >= 0:
        raise ConfigError(f"limit is {limit}; expected a number of mm, 0 or more")
    found = np.full(seeds.shape, np.inf, np.float32)
    places = np.unravel_index(np.flatnonzero(seeds), seeds.shape)
    if places[0].size == 0:
        return found
    box = reach(places, seeds.shape, spacing, limit)
    if not np.isfinite(image[box]).all():
        raise InputError("image holds NaN or infinity near the seeds; expected finite numbers: replace them first")
    grid = lay_out(image, places, box, spacing)
    _keep(spread(grid, contrast, limit), limit, found[box])
    return found


def _keep(distances: NDArray[np.float64], limit: float, found: NDArray[np.float32]) -> None:
    """Write the distances within the limit to ``found``, which is infinite so far."""
    with np.errstate(over="ignore"):  # more than a float32 can hold is infinite
        if limit == math.inf:
            found[...] = distances
        else:
            np.copyto(found, distances, where=distances <= limit, casting="same_kind")


def _seeds(seeds: NDArray[Any]) -> NDArray[np.bool_]:
    checked = as_label_array(seeds, "seeds")
    if np.asarray(seeds).dtype != np.bool_:
        raise LabelError(f"seeds is {checked.dtype}; expected bool: pass seeds > 0 or labels == label")
    return np.asarray(seeds)


def _image(image: NDArray[Any]) -> NDArray[np.float32]:
    if hasattr(image, "__cuda_array_interface__"):
        raise InputError("image is on a CUDA device; expected an array in main memory: call .cpu() first")
    array = np.asarray(image)
    if array.dtype != np.float32:
        raise InputError(f"image is {array.dtype}; expected float32")
    return array
