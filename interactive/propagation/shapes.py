"""The shape of one label on every target of a gap, as depths: signed distances in pixels, positive inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.cropped_stack import Window
from maskwright.interactive.propagation.depths import Depths, signed_distances
from maskwright.interactive.propagation.gaps import Gap
from maskwright.interactive.propagation.warped_neighbour import Side, trust_of
from maskwright.kernels.flow import warp

# Depths are cut here: beyond it they say nothing of the outline, but a large shape would outvote a small one.
DEEP = np.float32(4)
# Two shapes that have less than this share of the smaller in common half-way do not belong together.
_IN_COMMON = 0.25
# ... and neither do shapes of which one is this many times larger.
_LARGER = 8.0
# Towards an open end, a shape of this trust has as good as ended.
_ENDED = trust_of(0.3)


@dataclass(frozen=True, eq=False)
class Shapes:
    """Depths (n, y, x) on the targets of a gap, within a window of the scene.

    ``depths`` are blended from both sides; ``carried`` are the masks of each side that holds the label, as they came
    along the flow; ``seen`` the depths on the given slices, in the order of the sides. ``apart`` says that the two
    given shapes do not belong together, so that each fades towards its end instead of turning into the other.
    """

    window: Window
    depths: Depths
    carried: tuple[NDArray[np.bool_], ...]
    seen: tuple[Depths, ...]
    apart: bool


def carry(
    gap: Gap, sides: Sequence[Side], masks: NDArray[np.bool_], window: Window, pixel_mm: Sequence[float]
) -> Shapes:
    """Return the shapes of one label, of which ``masks`` (sides, y, x) are the given ones within the window."""
    whole = signed_distances(masks, pixel_mm)
    carried = [_warped(side, depth, window) for side, depth in zip(sides, whole)]
    shares = _shares(gap, sides, window)
    filled = [k for k in range(len(sides)) if masks[k].any()]
    apart = False
    if len(filled) == 2:
        apart = _apart(carried[0] > 0, carried[1] > 0)
    if len(sides) == 1:
        depths = _ending(carried[0], sides[0].trust[(slice(None), *window)])
    elif apart or len(filled) < len(sides):
        depths = np.maximum.reduce([_faded(carried[k], shares[k]) for k in filled])
    else:
        depths = np.sum([share * np.clip(side, -DEEP, DEEP) for share, side in zip(shares, carried)], axis=0)
    cut = np.clip(depths, -DEEP, DEEP)
    return Shapes(window, cut, tuple(carried[k] > 0 for k in filled), tuple(np.clip(whole, -DEEP, DEEP)), apart)


def _warped(side: Side, depth: Depths, window: Window) -> Depths:
    """Return the given depths as they lie on every target."""
    return np.stack([warp(depth, flow) for flow in side.flows[(slice(None), slice(None), *window)]])


def _shares(gap: Gap, sides: Sequence[Side], window: Window) -> list[NDArray[np.float32]]:
    """Return how much each side has to say on each pixel: by its distance, and by how well it matches the image."""
    weights = []
    for side in sides:
        near = np.array([gap.weight(side.given, target) for target in gap.targets], np.float32)
        weights.append(near[:, None, None] * side.trust[(slice(None), *window)])
    total = np.sum(weights, axis=0)
    return [weight / total for weight in weights]


def _faded(depths: Depths, share: NDArray[np.float32]) -> Depths:
    """Return depths that sink, down to nothing where the other side has all to say: the shape has ended there."""
    deepest = np.maximum(depths.max(axis=(1, 2), keepdims=True), 0)
    faded: Depths = depths - deepest * (1 - share) ** 2
    return faded


def _ending(depths: Depths, trust: NDArray[np.float32]) -> Depths:
    """Return depths that sink where the image no longer looks like the given slice: towards an open end they vanish."""
    deepest = np.maximum(depths.max(axis=(1, 2), keepdims=True), 0)
    ended: Depths = depths - 2 * deepest * _ENDED / (trust + _ENDED)
    return ended


def _apart(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> bool:
    middle = len(first) // 2
    sizes = int(first[middle].sum()), int(second[middle].sum())
    smaller, larger = min(sizes), max(sizes)
    return int((first[middle] & second[middle]).sum()) < _IN_COMMON * smaller or larger > _LARGER * max(smaller, 1)
