"""Strokes of both senses compete for the image: how near they are and how much each place looks like them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.appearance import local_log_odds
from maskwright.interactive.methods.features import Sight
from maskwright.kernels.geodesic import geodesic_distance
from maskwright.kernels.graph_cut import graph_cut

Mask = NDArray[np.bool_]

# Against the outside, whose strokes seldom go all round the object.
INSIDE_PRIOR = math.log(0.45 / 0.55)
CONTRAST_FACTOR = 3.0  # strokes are long: edges may count for more than on the way from a click
BY_LOOKS, BY_BORDER = 0.7, 3.0
SURE = 50.0


def compete(sight: Sight, positive: Mask, negative: Mask, color: bool) -> Mask:
    """Return the mask that a graph cut makes of the log-ratio of geodesic distances and of local looks.

    The border of the window counts as outside, apart from the strokes. ``positive`` and ``negative`` have no voxel
    in common; both hold in the result.
    """
    outside = negative | (_border(positive.shape) & ~positive)
    contrast = CONTRAST_FACTOR * sight.contrast
    near, far = (
        geodesic_distance(sight.values, seeds, sight.spacing_mm, contrast=contrast) + np.float32(sight.unit_mm)
        for seeds in (positive, outside)
    )
    log_odds = np.log(far / near) + np.float32(INSIDE_PRIOR)
    channels = sight.values if color else sight.values[..., None]
    looks = [local_log_odds(channels[..., k], positive, outside) for k in range(channels.shape[-1])]
    log_odds += np.float32(BY_LOOKS) * np.mean(looks, axis=0, dtype=np.float32)
    log_odds[negative], log_odds[positive] = -SURE, SURE
    weights = tuple(np.float32(BY_BORDER) * weight for weight in sight.weights)
    return graph_cut(np.maximum(-log_odds, 0), np.maximum(log_odds, 0), weights)


def _border(shape: tuple[int, ...]) -> Mask:
    """Return the outermost pixels of an image, or of every slice: the first and last slice are no border."""
    border = np.ones(shape, np.bool_)
    border[..., 1:-1, 1:-1] = False
    return border
