"""Slices that agree with their neighbours: depths averaged along the flow from slice to slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskwright.interactive.propagation.depths import Depths
from maskwright.interactive.propagation.gaps import Gap
from maskwright.interactive.propagation.shapes import Shapes
from maskwright.interactive.propagation.warped_neighbour import Side
from maskwright.kernels.flow import warp

# How much a neighbour that looks quite alike counts beside the slice itself.
_WEIGHT = np.float32(0.5)


def settled(gap: Gap, sides: Sequence[Side], shapes: Shapes, depths: Depths, rounds: int) -> Depths:
    """Return depths averaged with those of the slices on either side, as far as these look alike, some rounds."""
    window = (slice(None), *shapes.window)
    for _ in range(rounds):
        total, weights = depths.copy(), np.ones_like(depths)
        for side, seen in zip(sides, shapes.seen):
            if side.given == gap.before:
                neighbours = np.concatenate([seen[None], depths[:-1]])
            else:
                neighbours = np.concatenate([depths[1:], seen[None]])
            for k, neighbour in enumerate(neighbours):
                weight = _WEIGHT * side.likeness[k][shapes.window]
                total[k] += weight * warp(neighbour, side.steps[k][window])
                weights[k] += weight
        depths = total / weights
    return depths
