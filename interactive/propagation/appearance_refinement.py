"""The outline, brought to where the image changes: local looks, neighbouring slices, and a smooth line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.depths import Depths
from maskwright.interactive.propagation.gaps import Gap
from maskwright.interactive.propagation.shapes import DEEP, Shapes
from maskwright.interactive.propagation.warped_neighbour import Side
from maskwright.kernels.flow import add_likeness, smooth

# Pixels looked at around each place, their weight falling with this deviation, and what is alike in scaled intensity.
_RADIUS, _REACH, _CONTRAST = 3, np.float32(2), np.float32(0.05)
# Pixels of depth for one unit of the log-likelihood ratio and of doubt; the doubt counted at most.
_PULL, _MOST_DOUBT = 0.3, 5.0
# Likelihoods below this say nothing; so much is known before anything is seen.
_FLOOR, _UNSEEN = np.float32(0.02), np.float32(0.1)


def looks_of(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a pixel looks like, channels (n, 2, y, x): its intensity, and that of its surroundings."""
    return np.stack([np.stack([plane, smooth(plane, 2)]) for plane in planes])


def look(
    gap: Gap,
    sides: Sequence[Side],
    shapes: Shapes,
    looks: NDArray[np.float32],
    given_looks: NDArray[np.float32],
) -> Depths:
    """Return depths moved by whether each pixel near the outline looks like the inside or the outside."""
    window = (slice(None), *shapes.window)
    moved = shapes.depths.copy()
    for k, target in enumerate(gap.targets):
        depths = shapes.depths[k]
        near = np.abs(depths) < DEEP
        sums = np.zeros((4, *depths.shape), np.float32)
        here = np.ascontiguousarray(looks[k][window])
        for side, seen, theirs in zip(sides, shapes.seen, given_looks):
            flow = side.flows[k]
            weight = np.float32(gap.weight(side.given, target))
            there = np.ascontiguousarray(theirs[window])
            crop = np.ascontiguousarray(flow[window])
            add_likeness(here, there, seen, crop, near, weight, _RADIUS, _REACH, _CONTRAST, sums)
        inside = (sums[0] + _FLOOR * _UNSEEN) / (sums[1] + _UNSEEN)
        outside = (sums[2] + _FLOOR * _UNSEEN) / (sums[3] + _UNSEEN)
        pull = np.float32(_PULL * min(gap.doubt(target), _MOST_DOUBT))
        moved[k] += pull * np.where(near, np.log((inside + _FLOOR) / (outside + _FLOOR)), 0)
    return np.clip(moved, -DEEP, DEEP)


def smoothed(depths: Depths) -> Depths:
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
