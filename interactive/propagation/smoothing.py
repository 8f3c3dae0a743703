"""Slices that agree with their neighbours: depths averaged along the flow from slice to slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskwright.interactive.propagation.depths import Depths
from maskwright.interactive.propagation.gaps import Gap
from maskwright.interactive.propagation.shapes import Shapes
from maskwright.interactive.propagation.warped_neighbour import WarpedNeighbour
from maskwright.kernels.flow import warp

# The weight of a neighbour with the same image, beside that of the slice itself.
_WEIGHT = np.float32(0.5)


def smooth_along_axis(
    gap: Gap, neighbours: Sequence[WarpedNeighbour], shapes: Shapes, depths: Depths, rounds: int
) -> Depths:
    """Return depths averaged with those of the slices on either side, weighted by similarity, some rounds."""
    window = (slice(None), *shapes.window)
    for _ in range(rounds):
        total, weights = depths.copy(), np.ones_like(depths)
        for neighbour, given in zip(neighbours, shapes.given):
            if neighbour.given == gap.before:
                nearby = np.concatenate([given[None], depths[:-1]])
            else:
                nearby = np.concatenate([depths[1:], given[None]])
            for k, plane in enumerate(nearby):
                weight = _WEIGHT * neighbour.similarity[k][shapes.window]
                total[k] += weight * warp(plane, neighbour.steps[k][window])
                weights[k] += weight
        depths = total / weights
    return depths
