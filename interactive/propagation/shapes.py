"""The shape of one label on every target of a gap, as depths: signed distances in pixels, positive inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.depths import Depths, signed_distances
from maskwright.interactive.propagation.gaps import Gap
from maskwright.interactive.propagation.scene import Window
from maskwright.interactive.propagation.sides import Side
from maskwright.kernels.flow import warp

# Depths are cut here: beyond it they say nothing of the outline, but a large shape would outvote a small one.
DEEP = np.float32(4)
# Two shapes that have less than this share of the smaller in common half-way do not belong together.
_IN_COMMON = 0.25
# ... and neither do shapes of which one is this many times larger.
_LARGER = 8.0


@dataclass(frozen=True, eq=False)
class Shapes:
    """Depths (n, y, x) on the targets of a gap, within a window of the scene.

    ``depths`` are blended from both sides, ``seen`` the depths on the given slices, in the order of the sides.
    ``agreement`` (n) is the Dice of what both sides say, and 1 where there is one. ``apart`` says that the two given
    shapes do not belong together, so that each fades towards its end instead of turning into the other.
    """

    window: Window
    depths: Depths
    seen: tuple[Depths, ...]
    agreement: NDArray[np.float32]
    apart: bool


def carry(
    gap: Gap, sides: Sequence[Side], masks: NDArray[np.bool_], window: Window, pixel_mm: Sequence[float]
) -> Shapes:
    """Return the shapes of one label, of which ``masks`` (sides, y, x) are the given ones within the window."""
    whole = signed_distances(masks, pixel_mm)
    filled = [bool(mask.any()) for mask in masks]
    carried = [_warped(side, depth, window) for side, depth in zip(sides, whole)]
    agreement = np.ones(len(gap.targets), np.float32)
    if all(filled) and len(sides) == 2:
        agreement = _dice(carried[0] > 0, carried[1] > 0)
    apart = all(filled) and len(sides) == 2 and _apart(carried[0] > 0, carried[1] > 0)
    if apart or not all(filled):
        faded = [
            _faded(gap, side, depths, masks[k]) for k, (side, depths) in enumerate(zip(sides, carried)) if filled[k]
        ]
        depths = np.clip(np.maximum.reduce(faded), -DEEP, DEEP)
    else:
        depths = _blended(gap, sides, carried, window)
    return Shapes(window, depths, tuple(np.clip(whole, -DEEP, DEEP)), agreement, apart)


def _warped(side: Side, depth: Depths, window: Window) -> Depths:
    """Return the given depths as they lie on every target."""
    return np.stack([warp(depth, flow) for flow in side.flows[(slice(None), slice(None), *window)]])


def _blended(gap: Gap, sides: Sequence[Side], carried: Sequence[Depths], window: Window) -> Depths:
    """Return the mean of what the sides say, by their distance and by how well they match the image."""
    total, weights = np.zeros_like(carried[0]), np.zeros_like(carried[0])
    for side, depths in zip(sides, carried):
        near = np.array([gap.weight(side.given, target) for target in gap.targets], np.float32)
        weight = near[:, None, None] * side.trust[(slice(None), *window)]
        total += weight * np.clip(depths, -DEEP, DEEP)
        weights += weight
    blended: Depths = total / weights
    return blended


def _faded(gap: Gap, side: Side, depths: Depths, mask: NDArray[np.bool_]) -> Depths:
    """Return depths that sink on the way to the other given slice, where the shape has ended."""
    away = np.array([1 - gap.weight(side.given, target) for target in gap.targets], np.float32)
    faded: Depths = depths - (away * depths.max())[:, None, None]
    return faded


def _apart(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> bool:
    middle = len(first) // 2
    sizes = int(first[middle].sum()), int(second[middle].sum())
    smaller, larger = min(sizes), max(sizes)
    return int((first[middle] & second[middle]).sum()) < _IN_COMMON * smaller or larger > _LARGER * max(smaller, 1)


def _dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.float32]:
    both, sizes = (first & second).sum(axis=(1, 2)), first.sum(axis=(1, 2)) + second.sum(axis=(1, 2))
    return (2 * both / np.maximum(sizes, 1)).astype(np.float32)
