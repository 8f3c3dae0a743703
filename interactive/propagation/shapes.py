"""The shape of one label on every target of a gap, as depths: signed distances in pixels, positive inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.cropped_stack import Window
from maskwright.interactive.propagation.depths import Depths, signed_distances
from maskwright.interactive.propagation.gaps import Gap
from maskwright.interactive.propagation.warped_neighbour import WarpedNeighbour, confidence_at
from maskwright.kernels.flow import warp

# Depths are cut here: larger ones do not move the outline, but a large shape would outvote a small one.
DEEP = np.float32(4)
# Two shapes that have less than this share of the smaller in common half-way are not blended.
_IN_COMMON = 0.25
# ... and neither are shapes of which one is this many times larger.
_LARGER = 8.0
# Towards an open end, a shape of this confidence has as good as ended.
_ENDED = confidence_at(0.3)


@dataclass(frozen=True, eq=False)
class Shapes:
    """Depths (n, y, x) on the targets of a gap, within a window of the stack.

    ``depths`` are blended from both sides; ``carried`` are the masks of each side that holds the label, warped along
    the flow; ``given`` the depths on the given slices, in the order of the sides. ``is_fallback`` is true where the two
    given shapes have too little in common, so that each fades towards its end instead of turning into the other.
    """

    window: Window
    depths: Depths
    carried: tuple[NDArray[np.bool_], ...]
    given: tuple[Depths, ...]
    is_fallback: bool


def carry_shapes(
    gap: Gap,
    neighbours: Sequence[WarpedNeighbour],
    masks: NDArray[np.bool_],
    window: Window,
    pixel_mm: Sequence[float],
) -> Shapes:
    """Return the shapes of one label, of which ``masks`` (sides, y, x) are the given ones within the window."""
    whole = signed_distances(masks, pixel_mm)
    carried = [_warp(neighbour, depth, window) for neighbour, depth in zip(neighbours, whole)]
    shares = _shares(gap, neighbours, window)
    filled = [k for k in range(len(neighbours)) if masks[k].any()]
    is_fallback = len(filled) == 2 and _have_little_in_common(carried[0] > 0, carried[1] > 0)
    if len(neighbours) == 1:
        depths = _end(carried[0], neighbours[0].confidence[(slice(None), *window)])
    elif is_fallback or len(filled) < len(neighbours):
        depths = np.maximum.reduce([_fade(carried[k], shares[k]) for k in filled])
    else:
        depths = np.sum([share * np.clip(side, -DEEP, DEEP) for share, side in zip(shares, carried)], axis=0)
    cut = np.clip(depths, -DEEP, DEEP)
    return Shapes(window, cut, tuple(carried[k] > 0 for k in filled), tuple(np.clip(whole, -DEEP, DEEP)), is_fallback)


def _warp(neighbour: WarpedNeighbour, depth: Depths, window: Window) -> Depths:
    """Return the given depths, warped to every target."""
    return np.stack([warp(depth, flow) for flow in neighbour.flows[(slice(None), slice(None), *window)]])


def _shares(gap: Gap, neighbours: Sequence[WarpedNeighbour], window: Window) -> list[NDArray[np.float32]]:
    """Return the share of each side on each pixel: by its distance, and by its similarity to the image."""
    weights = []
    for neighbour in neighbours:
        near = np.array([gap.weight(neighbour.given, target) for target in gap.targets], np.float32)
        weights.append(near[:, None, None] * neighbour.confidence[(slice(None), *window)])
    total = np.sum(weights, axis=0)
    return [weight / total for weight in weights]


def _fade(depths: Depths, share: NDArray[np.float32]) -> Depths:
    """Return depths that sink, down to nothing where the share of the other side is 1: the shape has ended there."""
    deepest = np.maximum(depths.max(axis=(1, 2), keepdims=True), 0)
    faded: Depths = depths - deepest * (1 - share) ** 2
    return faded


def _end(depths: Depths, confidence: NDArray[np.float32]) -> Depths:
    """Return depths that sink where the image differs from the given slice: towards an open end they vanish."""
    deepest = np.maximum(depths.max(axis=(1, 2), keepdims=True), 0)
    ended: Depths = depths - 2 * deepest * _ENDED / (confidence + _ENDED)
    return ended


def _have_little_in_common(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> bool:
    """Return whether two shapes half-way between their slices hardly overlap, or one is many times larger."""
    middle = len(before) // 2
    sizes = int(before[middle].sum()), int(after[middle].sum())
    smaller, larger = min(sizes), max(sizes)
    return int((before[middle] & after[middle]).sum()) < _IN_COMMON * smaller or larger > _LARGER * max(smaller, 1)
