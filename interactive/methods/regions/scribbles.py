"""Opposing scribbles compete for the image by geodesic distance and local appearance."""

from __future__ import annotations

import math

import numpy as np

from maskwright.interactive.crop import box_of
from maskwright.interactive.methods.appearance import local_log_odds
from maskwright.interactive.methods.features import Features, extract_features
from maskwright.interactive.methods.regions.windows import connected_to, window_around
from maskwright.interactive.methods.task import Task
from maskwright.kernels.geodesic import geodesic_distance
from maskwright.kernels.graph_cut import graph_cut
from maskwright.kernels.mask import Mask

# Voxels of the window around scribbles and mask.
MARGIN = 32
# Against the outside, whose scribbles seldom go all round the object.
INSIDE_PRIOR = math.log(0.45 / 0.55)
CONTRAST_FACTOR = 3.0  # scribbles are long: edges may count for more than on the way from a click
APPEARANCE_WEIGHT, BORDER_WEIGHT = 0.7, 3.0
CERTAIN = 50.0


def segment_scribbles(task: Task) -> Mask:
    """Return the mask connected to the positive scribble that a graph cut gives in a window around both."""
    drawn = task.positive | task.negative
    if task.previous is not None:
        drawn |= task.previous
    margins = [math.ceil(MARGIN * min(task.spacing_mm) / step) for step in task.spacing_mm]
    window = window_around(box_of(drawn), margins, drawn.shape)
    features = extract_features(task.image, window, task.intensity_range, task.spacing_mm, task.noise)
    inside = _cut(features, task.positive[window], task.negative[window], task.color)
    mask = np.zeros(drawn.shape, np.bool_)
    mask[window] = connected_to(task.positive[window], inside)
    return mask


def _cut(features: Features, positive: Mask, negative: Mask, color: bool) -> Mask:
    """Return the graph cut of the log-ratio of geodesic distances and of local appearance.

    The border of the window counts as outside, apart from the scribbles. ``positive`` and ``negative`` have no voxel
    in common; both hold in the result.
    """
    outside = negative | (_border(positive.shape) & ~positive)
    contrast = CONTRAST_FACTOR * features.contrast
    near, far = (
        geodesic_distance(features.values, seeds, features.spacing_mm, contrast=contrast) + np.float32(features.unit_mm)
        for seeds in (positive, outside)
    )
    log_odds = np.log(far / near) + np.float32(INSIDE_PRIOR)
    channels = features.values if color else features.values[..., None]
    appearance = [local_log_odds(channels[..., k], positive, outside) for k in range(channels.shape[-1])]
    log_odds += np.float32(APPEARANCE_WEIGHT) * np.mean(appearance, axis=0, dtype=np.float32)
    log_odds[negative], log_odds[positive] = -CERTAIN, CERTAIN
    weights = tuple(np.float32(BORDER_WEIGHT) * weight for weight in features.weights)
    return graph_cut(np.maximum(-log_odds, 0), np.maximum(log_odds, 0), weights)


def _border(shape: tuple[int, ...]) -> Mask:
    """Return the outermost pixels of an image, or of every slice: the first and last slice are no border."""
    border = np.ones(shape, np.bool_)
    border[..., 1:-1, 1:-1] = False
    return border
