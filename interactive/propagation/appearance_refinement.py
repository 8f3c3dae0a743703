"""The outline, moved to the edges of the image by local appearance, and smoothed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.depths import Depths
from maskwright.interactive.propagation.gaps import Gap
from maskwright.interactive.propagation.shapes import DEEP, Shapes
from maskwright.interactive.propagation.warped_neighbour import WarpedNeighbour
from maskwright.kernels.flow import add_similarity, smooth

# Pixels compared around each one, their weight falling with this deviation, and the scale of similar intensities.
_RADIUS, _DEVIATION, _CONTRAST = 3, np.float32(2), np.float32(0.05)
# Pixels of depth for one unit of the log-likelihood ratio and of doubt; the doubt counted at most.
_PULL, _MOST_DOUBT = 0.3, 5.0
# The floor of likelihoods, and the weight of that floor before any pixel is compared.
_FLOOR, _PRIOR = np.float32(0.02), np.float32(0.1)


def channels_of(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the appearance of each pixel, (n, 2, y, x): its intensity, and that of its surroundings."""
    return np.stack([np.stack([plane, smooth(plane, 2)]) for plane in planes])


def refine_outline(
    gap: Gap,
    neighbours: Sequence[WarpedNeighbour],
    shapes: Shapes,
    channels: NDArray[np.float32],
    given_channels: NDArray[np.float32],
) -> Depths:
    """Return depths moved by the log-odds that each pixel near the outline looks like the inside."""
    window = (slice(None), *shapes.window)
    moved = shapes.depths.copy()
    for k, target in enumerate(gap.targets):
        depths = shapes.depths[k]
        near = np.abs(depths) < DEEP
        sums = np.zeros((4, *depths.shape), np.float32)
        own = np.ascontiguousarray(channels[k][window])
        for neighbour, given_depths, given in zip(neighbours, shapes.given, given_channels):
            flow = np.ascontiguousarray(neighbour.flows[k][window])
            weight = np.float32(gap.weight(neighbour.given, target))
            other = np.ascontiguousarray(given[window])
            add_similarity(own, other, given_depths, flow, near, weight, _RADIUS, _DEVIATION, _CONTRAST, sums)
        inside = (sums[0] + _FLOOR * _PRIOR) / (sums[1] + _PRIOR)
        outside = (sums[2] + _FLOOR * _PRIOR) / (sums[3] + _PRIOR)
        pull = np.float32(_PULL * min(gap.doubt(target), _MOST_DOUBT))
        moved[k] += pull * np.where(near, np.log((inside + _FLOOR) / (outside + _FLOOR)), 0)
    return np.clip(moved, -DEEP, DEEP)


def smooth_outline(depths: Depths) -> Depths:
    """Return each plane's depths smoothed and raised or lowered so that as many pixels are inside as before."""
    result = np.empty_like(depths)
    for k, plane in enumerate(depths):
        soft = smooth(plane, 1)
        inside = int((plane > 0).sum())
        if 0 < inside < plane.size:
            ordered = np.partition(soft, soft.size - inside, axis=None)
            least = ordered[soft.size - inside]
            soft = soft - (least + ordered[: soft.size - inside].max()) / 2
        result[k] = soft
    return result
