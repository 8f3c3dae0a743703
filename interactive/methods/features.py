"""Features of an image around a prompt: smoothed intensities, their noise, and the similarity of neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Window = tuple[slice, ...]

# Intensities are shares of the robust range. Smoothing is in voxels of the finest axis, contrast in those per range.
SMOOTHING = 0.7
CONTRAST = 300.0
# A difference of so many times the usual one between neighbours is an edge.
EDGE = 2.0
LEAST_NOISE = 0.01
LEAST_WEIGHT = 0.05
# Weights of the faces at the ends of the window: voxels beyond it may be similar; those beyond the image are unknown.
INNER_END, OUTER_END = 1.0, 0.4
_SAMPLES = 60_000


@dataclass(frozen=True, eq=False)
class Features:
    """A window of an image, prepared for the methods.

    ``values`` is float32, the window's spatial shape, with a last axis of 3 if the image is in colour. ``weights`` has
    an array an axis: the similarity of a voxel and its next one, from 1 down to near 0 across an edge, times the face
    they share; lengths are in units of ``unit_mm``, the finest spacing. ``ends`` has for each axis the weights of the
    faces at the lower and the upper border of the window.
    """

    values: NDArray[np.float32]
    weights: tuple[NDArray[np.float32], ...]
    ends: tuple[tuple[float, float], ...]
    spacing_mm: tuple[float, ...]

    @property
    def unit_mm(self) -> float:
        """The finest spacing, the unit of sizes."""
        return min(self.spacing_mm)

    @property
    def voxel_size(self) -> float:
        """The volume of a voxel in units."""
        return math.prod(step / self.unit_mm for step in self.spacing_mm)

    @property
    def contrast(self) -> float:
        """The cost of the whole robust range of intensities on a path, in mm."""
        return CONTRAST * self.unit_mm


def estimate_noise(
    image: NDArray[np.float32], intensity_range: tuple[float, float], spacing_mm: tuple[float, ...]
) -> float:
    """Return the median difference of neighbours in the smoothed image, as a share of the range; at least 0.01.

    It is taken from evenly spaced blocks, so that it costs the same on an image of any size.
    """
    dims = len(spacing_mm)
    step = max(1, math.ceil((math.prod(image.shape[:dims]) / _SAMPLES) ** (1 / dims)))
    blocks = [np.arange(n) for n in image.shape[:dims]]
    if step > 1:  # four voxels of every 4 * step along each axis
        blocks = [k[k % (4 * step) < 4] for k in blocks]
    values = smooth_intensities(image[np.ix_(*blocks)], intensity_range, spacing_mm)
    by_axis = [_difference(values, axis, dims) for axis in range(dims)]
    inner = [
        d[tuple(slice(0, -1) if k == axis else slice(None) for k in range(dims))] for axis, d in enumerate(by_axis)
    ]
    return max(LEAST_NOISE, float(np.median(np.concatenate([d.reshape(-1) for d in inner]))))


def extract_features(
    image: NDArray[np.float32],
    window: Window,
    intensity_range: tuple[float, float],
    spacing_mm: tuple[float, ...],
    noise: float,
) -> Features:
    """Return the features of a window; ``noise`` is that of the image, see ``estimate_noise``."""
    values = smooth_intensities(image[window], intensity_range, spacing_mm)
    ends = []
    for axis, part in enumerate(window):
        start, stop, _ = part.indices(image.shape[axis])
        face, inner = _face(spacing_mm, axis), (start > 0, stop < image.shape[axis])
        ends.append((face * (INNER_END if inner[0] else OUTER_END), face * (INNER_END if inner[1] else OUTER_END)))
    return Features(values, neighbour_weights(values, spacing_mm, noise), tuple(ends), spacing_mm)


def neighbour_weights(
    values: NDArray[np.float32], spacing_mm: tuple[float, ...], noise: float
) -> tuple[NDArray[np.float32], ...]:
    """Return the similarity of neighbours among smoothed intensities, one array an axis; see ``Features``."""
    dims, by_axis = len(spacing_mm), []
    for axis in range(dims):
        edge = _difference(values, axis, dims) / (EDGE * noise)
        weights = _face(spacing_mm, axis) * (np.exp(edge * edge * -0.5) + LEAST_WEIGHT)
        by_axis.append(weights.astype(np.float32))
    return tuple(by_axis)


def _face(spacing_mm: tuple[float, ...], axis: int) -> float:
    """Return the face that neighbours along an axis share, in squares of the finest spacing."""
    unit = min(spacing_mm)
    return math.prod(step / unit for k, step in enumerate(spacing_mm) if k != axis)


def smooth_intensities(
    image: NDArray[np.float32], intensity_range: tuple[float, float], spacing_mm: tuple[float, ...]
) -> NDArray[np.float32]:
    """Return the image as shares of its robust range, cut off at its ends, and smoothed by less than a voxel."""
    low, high = intensity_range
    scaled = np.clip((image - np.float32(low)) / np.float32(max(high - low, 1e-6)), 0, 1).astype(np.float32)
    unit = min(spacing_mm)
    sigma = [SMOOTHING * unit / step for step in spacing_mm] + [0.0] * (image.ndim - len(spacing_mm))
    soft: NDArray[np.float32] = gaussian_filter(scaled, sigma, truncate=3.0)
    return soft


def _difference(values: NDArray[np.float32], axis: int, dims: int) -> NDArray[np.float32]:
    """Return the difference of each voxel from the next one along an axis; 0 for the last ones."""
    result = np.zeros(values.shape[:dims], np.float32)
    change = np.diff(values, axis=axis)
    size = np.abs(change) if change.ndim == dims else np.sqrt((change * change).sum(axis=-1))
    result[tuple(slice(0, -1) if k == axis else slice(None) for k in range(dims))] = size
    return result
