"""A given slice warped to the targets of a gap: a flow chained from slice to slice, and the similarity of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.flow import compose, optical_flows, smooth, warp

# The difference of intensities (0 to 1) that halves the similarity, and the rounds of smoothing it is taken over.
_HALVING, _ROUNDS = 0.01, 4
# The larger, the more a pixel follows only the given slice with the same image.
_SHARPNESS = 3


# Neighbouring slices differ little: more warps of the flow change nothing.
_WARPS = 3


@dataclass(frozen=True, eq=False)
class WarpedNeighbour:
    """One given slice, warped to the targets of a gap, in the order of the gap.

    ``steps`` (n, 2, y, x) leads from each target to its neighbour towards the given slice, ``flows`` to the given slice
    itself. ``similarity`` (n, y, x) is 1 where that neighbour, carried along its step, equals the target, and falls
    towards 0; ``confidence`` is that of the given slice, sharpened.
    """

    given: int
    steps: NDArray[np.float32]
    flows: NDArray[np.float32]
    similarity: NDArray[np.float32]
    confidence: NDArray[np.float32]


def track_from(
    given: int, given_plane: NDArray[np.float32], planes: NDArray[np.float32], *, before: bool
) -> WarpedNeighbour:
    """Return a given slice warped to the planes (n, y, x) of the targets, before or after which it lies."""
    towards = np.concatenate([given_plane[None], planes[:-1]] if before else [planes[1:], given_plane[None]])
    steps = optical_flows(planes, towards, warps=_WARPS)
    flows, similarity, confidence = np.empty_like(steps), np.empty_like(planes), np.empty_like(planes)
    chained = np.zeros_like(steps[0])
    for k in range(len(planes)) if before else reversed(range(len(planes))):
        chained = compose(steps[k], chained)
        flows[k] = chained
        similarity[k] = _HALVING / (_HALVING + _difference(planes[k], warp(towards[k], steps[k])))
        confidence[k] = confidence_at(_difference(planes[k], warp(given_plane, chained)))
    return WarpedNeighbour(given, steps, flows, similarity, confidence)


Difference = TypeVar("Difference", float, NDArray[np.float32])


def confidence_at(difference: Difference) -> Difference:
    """Return the confidence in a given slice that differs so much from the image, in scaled intensity."""
    confidence: Difference = (_HALVING / (_HALVING + difference)) ** _SHARPNESS
    return confidence


def _difference(plane: NDArray[np.float32], warped: NDArray[np.float32]) -> NDArray[np.float32]:
    smoothed: NDArray[np.float32] = smooth(np.abs(warped - plane), _ROUNDS)
    return smoothed
