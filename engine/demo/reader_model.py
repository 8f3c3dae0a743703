"""A seeded model of a human reader: takes real labels and returns the labels as this reader would have drawn them.

What readers do differently is mostly where they see a boundary, over stretches of it rather than voxel by voxel; now
and then they miss a part or mark something that is not there. So a reading is made in three steps:

1. The outer boundary of all labels together moves outwards by ``bias_mm`` plus a smooth random field: Gaussian noise,
   blurred over ``smoothness_mm``, scaled to a standard deviation of ``spread_mm``. The boundaries between labels move
   by such a field too, one a label: a voxel goes to the label it then lies deepest in, so that no gap opens.
2. A ball of ``missed_mm`` radius around a random voxel of one label is missed.
3. A ball of ``island_mm`` radius is added to a label, its centre outside all labels and at least two radii from them
   where there is room.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Reader:
    """The habits of one reader; lengths in mm, 0 turns a step off."""

    name: str
    bias_mm: float
    spread_mm: float
    smoothness_mm: float
    missed_mm: float
    island_mm: float


def read_like(reader: Reader, labels: Labels, spacing_mm: tuple[float, ...], generator: np.random.Generator) -> Labels:
    """Return the labels as this reader draws them.

    Parameters
    ----------
    reader : Reader
        How the reader draws.
    labels : uint8[z, y, x]
        The real labels, 0 for background.
    spacing_mm : tuple of float
        In array-axis order.
    generator : numpy.random.Generator
        Where chance comes from: the same state gives the same reading.

    Returns
    -------
    uint8[z, y, x]
    """
    present = [int(label) for label in np.unique(labels) if label]
    if not present:
        return labels.copy()
    reading = _shift_boundaries(reader, labels, present, spacing_mm, generator)
    if reader.missed_mm > 0:
        label = present[generator.integers(len(present))]
        centre = _random_voxel(labels == label, generator)
        reading[_ball(labels.shape, centre, reader.missed_mm, spacing_mm) & (reading == label)] = 0
    if reader.island_mm > 0:
        distance = ndimage.distance_transform_edt(labels == 0, sampling=spacing_mm)
        clearance = min(2 * reader.island_mm, float(distance.max()))
        if clearance > 0:
            centre = _random_voxel(distance >= clearance, generator)
            island = _ball(labels.shape, centre, reader.island_mm, spacing_mm)
            reading[island & (reading == 0)] = present[generator.integers(len(present))]
    return reading


def _shift_boundaries(
    reader: Reader, labels: Labels, present: list[int], spacing_mm: tuple[float, ...], generator: np.random.Generator
) -> Labels:
    reading = np.zeros_like(labels)
    deepest = np.full(labels.shape, -np.inf, np.float32)
    for label in present:
        shift = reader.spread_mm * _smooth_field(labels.shape, spacing_mm, reader, generator)
        depth = _depth(labels == label, spacing_mm) + shift
        reading[depth > deepest] = label
        np.maximum(deepest, depth, out=deepest)
    shift = reader.bias_mm + reader.spread_mm * _smooth_field(labels.shape, spacing_mm, reader, generator)
    reading[_depth(labels > 0, spacing_mm) + shift <= 0] = 0
    return reading


def _depth(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> NDArray[np.float32]:
    """Return how far inside the mask's boundary a voxel lies, in mm; negative outside, 0 half way between voxels."""
    half = min(spacing_mm) / 2
    inside = np.maximum(ndimage.distance_transform_edt(mask, sampling=spacing_mm) - half, 0)
    outside = np.maximum(ndimage.distance_transform_edt(~mask, sampling=spacing_mm) - half, 0)
    depth: NDArray[np.float32] = (inside - outside).astype(np.float32)
    return depth


def _smooth_field(
    shape: tuple[int, ...], spacing_mm: tuple[float, ...], reader: Reader, generator: np.random.Generator
) -> NDArray[np.float32]:
    noise = generator.standard_normal(shape, dtype=np.float32)
    smooth: NDArray[np.float32] = ndimage.gaussian_filter(noise, [reader.smoothness_mm / step for step in spacing_mm])
    scaled: NDArray[np.float32] = (smooth - smooth.mean()) / max(float(smooth.std()), 1e-12)
    return scaled


def _random_voxel(mask: NDArray[np.bool_], generator: np.random.Generator) -> tuple[int, ...]:
    voxels = np.flatnonzero(mask)
    return tuple(int(part) for part in np.unravel_index(voxels[generator.integers(len(voxels))], mask.shape))


def _ball(
    shape: tuple[int, ...], centre: tuple[int, ...], radius_mm: float, spacing_mm: tuple[float, ...]
) -> NDArray[np.bool_]:
    axes = np.ogrid[tuple(slice(length) for length in shape)]
    squares = [((axis - middle) * step) ** 2 for axis, middle, step in zip(axes, centre, spacing_mm)]
    ball: NDArray[np.bool_] = np.asarray(sum(squares)) <= radius_mm**2
    return ball
