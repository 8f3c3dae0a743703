"""The first mask of an object: its positive prompts, or the middle of its box, grown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maskwright.interactive.crop import box_of
from maskwright.interactive.methods.features import Features, extract_features
from maskwright.interactive.methods.regions.downsampling import Downsampling, is_large
from maskwright.interactive.methods.regions.level_set import ExtentPrior, RegionPrior, best_level_set
from maskwright.interactive.methods.regions.windows import (
    Window,
    connected_to,
    nearer_than,
    soften,
    window_around,
)
from maskwright.interactive.methods.task import Task
from maskwright.kernels.geodesic import geodesic_distance
from maskwright.kernels.mask import Mask

# A first region has at least so many voxels and at most this share of the window, is rather small, and the prompt is
# rather at its centre.
LEAST_VOXELS = 12
MOST_SHARE = 0.4
SMALLNESS, CENTRE_WEIGHT = 3.0, 1.0
EXTENT_WEIGHT = 0.5
# Most objects fill a box by half to three quarters.
BOX_SHARE, BOX_STRICTNESS = 0.65, 2.0
MARGIN = 12


def first_mask(task: Task, extent: ExtentPrior | None) -> Mask:
    """Return the first mask. In a large crop it is found at half the resolution, and once more where it is small."""
    if not is_large(task.positive):
        return _grow(task, extent)
    downsampling = Downsampling.of(task)
    cells = _grow(downsampling.task(task), None if extent is None else downsampling.extent(extent))
    mask = downsampling.upsample(cells)
    if not mask.any():
        return mask
    box = box_of(mask)
    window = window_around(box, [side + MARGIN for side in box.shape], mask.shape)
    if not is_large(mask[window]):
        mask[window] = _grow(_crop(task, window), _crop_extent(extent, window), size=int(mask.sum()))
        return mask
    return np.asarray(soften(mask, task.spacing_mm) > 0.5)


def prior_of_unknown_size(seeds: Mask, features: Features) -> RegionPrior:
    """Return the expectations of a region of which nothing but its seeds is known."""
    return RegionPrior(
        least=LEAST_VOXELS * features.voxel_size,
        most=max(MOST_SHARE * seeds.size, 2 * seeds.sum()) * features.voxel_size,
        smallness=SMALLNESS,
        centre=tuple(float(i) for i in np.argwhere(seeds).mean(axis=0)),
        centre_weight=CENTRE_WEIGHT,
    )


def _grow(task: Task, extent: ExtentPrior | None, size: int | None = None) -> Mask:
    """Grow the positive prompts, or the middle of the box, to a region, of about so many voxels if that is known."""
    shape = task.positive.shape
    seeds, window = task.positive, (slice(None),) * len(shape)
    if task.box is not None:
        window = tuple(slice(a, b) for a, b in zip(*task.box))
        if not seeds[window].any():
            seeds = _middle(shape, task.box)
    mask = np.zeros(shape, np.bool_)
    if not seeds[window].any():
        return mask
    features = extract_features(task.image, window, task.intensity_range, task.spacing_mm, task.noise)
    seeds = seeds[window]
    distance = geodesic_distance(features.values, seeds, task.spacing_mm, contrast=features.contrast)
    domain = nearer_than(task.negative[window], distance, seeds, features)
    unit = features.voxel_size
    if size is not None:
        prior = RegionPrior(size=size * unit)
    elif task.box is None:
        prior = prior_of_unknown_size(seeds, features)
    else:
        prior = RegionPrior(size=BOX_SHARE * seeds.size * unit, strictness=BOX_STRICTNESS)
    if extent is not None:
        inside = connected_to(seeds, extent.inside[window] & domain)
        prior = replace(prior, extent=ExtentPrior(inside, extent.valid[window]), extent_weight=EXTENT_WEIGHT)
    mask[window] = soften(best_level_set(distance, domain, features, prior), task.spacing_mm) > 0.5
    return mask


def _middle(shape: tuple[int, ...], box: tuple[tuple[int, ...], tuple[int, ...]]) -> Mask:
    """Return the inner fifth of a box along each axis, at least a voxel."""
    seeds = np.zeros(shape, np.bool_)
    starts = [(3 * a + 2 * b) // 5 for a, b in zip(*box)]
    stops = [(2 * a + 3 * b) // 5 for a, b in zip(*box)]
    seeds[tuple(slice(a, max(b, a + 1)) for a, b in zip(starts, stops))] = True
    return seeds


def _crop(task: Task, window: Window) -> Task:
    """Return the task in a window. A box is cut to it."""
    box = None
    if task.box is not None:
        starts = tuple(max(0, a - w.start) for a, w in zip(task.box[0], window))
        stops = tuple(min(w.stop, b) - w.start for b, w in zip(task.box[1], window))
        box = starts, stops
    masks = {name: getattr(task, name)[window] for name in ("positive", "negative", "newest")}
    return replace(task, image=task.image[window], box=box, previous=None, **masks)


def _crop_extent(extent: ExtentPrior | None, window: Window) -> ExtentPrior | None:
    return None if extent is None else ExtentPrior(extent.inside[window], extent.valid[window])
