"""A correction: the wrong region under the newest prompt, added to the mask or taken away."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.crop import box_of
from maskwright.interactive.methods.features import Features, extract_features
from maskwright.interactive.methods.regions.downsampling import Downsampling, is_large
from maskwright.interactive.methods.regions.first_mask import EXTENT_WEIGHT, MARGIN, prior_of_unknown_size
from maskwright.interactive.methods.regions.level_set import ExtentPrior, RegionPrior, best_level_set
from maskwright.interactive.methods.regions.windows import (
    Window,
    connected_to,
    nearer_than,
    soften,
    window_around,
)
from maskwright.interactive.methods.task import Task
from maskwright.kernels.distance import distance_to, distance_transform
from maskwright.kernels.geodesic import geodesic_distance
from maskwright.kernels.mask import Mask

# How sure the size of a correction is; in 3-D a wrong part is more often a shell than a ball. A part that is an island
# is smaller than its distance to the mask suggests.
STRICTNESS = {2: 1.0, 3: 0.5}
STRICTNESS_BELOW = 0.25
LEAST_SHARE = 0.02
# The window of a correction reaches so many depths of the prompt from it, and ``MARGIN`` voxels more.
DEPTHS = 7.0
# Leaving the wrong part of the mask costs a path as much as the whole range of intensities.
WALL = 1.0


def correct_mask(task: Task, previous: Mask, extent: ExtentPrior | None) -> Mask:
    """Add the wrong region under the newest prompt to the mask, or take it away.

    Where it is expected to be large it is found at half the resolution.
    """
    wrong = ~previous if task.newest_positive else previous
    seeds = task.newest & wrong
    if not seeds.any():
        return previous
    window, depth_mm = _window_of(seeds, wrong, task.spacing_mm)
    if not is_large(previous[window]):
        return _correct_in(window, depth_mm, task, previous, extent)
    downsampling = Downsampling.of(task)
    coarse = downsampling.task(task)
    assert coarse.previous is not None
    coarse_extent = None if extent is None else downsampling.extent(extent)
    change = coarse.previous ^ correct_mask(coarse, coarse.previous, coarse_extent)
    if not change.any():
        return previous
    region = downsampling.upsample(change) & wrong
    mask = previous ^ region
    near = window_around(box_of(region), [3] * mask.ndim, mask.shape)
    mask[near] = _smooth_near(mask[near], region[near], task.spacing_mm)
    return mask


def _correct_in(window: Window, depth_mm: float, task: Task, previous: Mask, extent: ExtentPrior | None) -> Mask:
    """Return the mask with the best region in a window, at a depth in mm, added or taken away."""
    wrong = ~previous if task.newest_positive else previous
    seeds = (task.newest & wrong)[window]
    features = extract_features(task.image, window, task.intensity_range, task.spacing_mm, task.noise)
    domain = wrong[window]
    distance = geodesic_distance(_walled(features.values, domain), seeds, task.spacing_mm, contrast=features.contrast)
    opposing = (task.negative if task.newest_positive else task.positive)[window]
    free = nearer_than(opposing, distance, seeds, features) & domain
    size = _expected_size(seeds, depth_mm, features)
    if task.newest_positive and size > int(np.count_nonzero(previous)) * features.voxel_size:
        # So far from the mask it is an island: as little is known of its size as of that of a first region.
        prior = replace(prior_of_unknown_size(seeds, features), most=size)
    else:
        prior = RegionPrior(
            size=size, strictness=STRICTNESS[seeds.ndim], strictness_below=STRICTNESS_BELOW, least=LEAST_SHARE * size
        )
    if extent is not None:
        inside = extent.inside[window] if task.newest_positive else ~extent.inside[window]
        change = connected_to(seeds, inside & free & extent.valid[window])
        prior = replace(prior, extent=ExtentPrior(change, extent.valid[window]), extent_weight=EXTENT_WEIGHT)
    region = best_level_set(distance, free, features, prior)
    mask = previous.copy()
    part = previous[window] | region if task.newest_positive else previous[window] & ~region
    mask[window] = _smooth_near(part, region, task.spacing_mm)
    return mask


def _window_of(seeds: Mask, wrong: Mask, spacing_mm: tuple[float, ...]) -> tuple[Window, float]:
    """Return the window that a correction can fill, and the depth of its prompt inside the wrong part, in mm."""
    box = box_of(seeds)
    half = max(spacing_mm) * 8
    while True:  # the depth in a window is right if it is less than the way to the window's border
        window = window_around(box, [math.ceil(half / step) for step in spacing_mm], seeds.shape)
        depth_mm = _depth(seeds[window], wrong[window], spacing_mm)
        whole = all(w == slice(0, n) for w, n in zip(window, seeds.shape))
        if depth_mm <= half or whole:
            break
        half *= 3
    if not math.isfinite(depth_mm):  # all of the region is wrong
        depth_mm = 0.25 * min(n * step for n, step in zip(seeds.shape, spacing_mm) if n > 1)
    margins = [math.ceil(DEPTHS * depth_mm / step) + MARGIN for step in spacing_mm]
    return window_around(box, margins, seeds.shape), depth_mm


def _depth(seeds: Mask, wrong: Mask, spacing_mm: tuple[float, ...]) -> float:
    """Return the largest distance of a seed to a voxel that is not wrong; infinite where all are."""
    indices = np.argwhere(seeds)
    if len(indices) > 1:
        return float(distance_transform(wrong, spacing_mm)[seeds].max())
    squares = [((np.arange(n) - i) * step) ** 2 for n, i, step in zip(seeds.shape, indices[0], spacing_mm)]
    total = squares[0]
    for more in squares[1:]:  # for a click, quicker than a transform
        total = total[..., None] + more
    right = total[~wrong]
    return math.sqrt(float(right.min())) if right.size else math.inf


def _walled(values: NDArray[np.float32], domain: Mask) -> NDArray[np.float32]:
    """Return the values with a channel that makes the border of the domain a wall."""
    channels = values if values.ndim > domain.ndim else values[..., None]
    return np.concatenate([channels, (domain * np.float32(WALL))[..., None]], axis=-1)


def _expected_size(seeds: Mask, depth_mm: float, features: Features) -> float:
    """Return the volume, in units, of the voxels within ``depth_mm`` of the seeds."""
    radius = max(depth_mm, features.unit_mm) / features.unit_mm
    if int(seeds.sum()) == 1:
        return math.pi * radius**2 if seeds.ndim == 2 else 4 / 3 * math.pi * radius**3
    return float((distance_to(seeds, features.spacing_mm) <= radius * features.unit_mm).sum()) * features.voxel_size


def _smooth_near(mask: Mask, region: Mask, spacing_mm: tuple[float, ...]) -> Mask:
    """Return the mask, smoothed only near the region."""
    return np.where(soften(region, spacing_mm) > 0.02, soften(mask, spacing_mm) > 0.5, mask)
