"""What each target sees of a given slice: a flow to it, chained from slice to slice, and how well the images match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.flow import compose, optical_flows, smooth, warp

# The difference of intensities (0 to 1) below which images match as well as they ever do, and over how many pixels it
# is taken: rounds of smoothing.
_ALIKE, _ROUNDS = 0.01, 4
# The larger, the more a pixel listens only to the given slice that looks like it.
_SHARPNESS = 3


# Neighbouring slices differ little: more warps of the flow than these find nothing more.
_WARPS = 3


@dataclass(frozen=True, eq=False)
class Side:
    """One given slice as seen from the targets of a gap, in the order of the gap.

    ``steps`` (n, 2, y, x) leads from each target to its neighbour towards the given slice, ``flows`` to the given slice
    itself. ``likeness`` (n, y, x) is 1 where that neighbour, carried along its step, looks like the target, and falls
    towards 0; ``trust`` is the same of the given slice, sharpened.
    """

    given: int
    steps: NDArray[np.float32]
    flows: NDArray[np.float32]
    likeness: NDArray[np.float32]
    trust: NDArray[np.float32]


def look_from(given: int, there: NDArray[np.float32], planes: NDArray[np.float32], *, before: bool) -> Side:
    """Return the side of a given slice, ``there``, before or after the planes (n, y, x) of the targets."""
    towards = np.concatenate([there[None], planes[:-1]] if before else [planes[1:], there[None]])
    steps = optical_flows(planes, towards, warps=_WARPS)
    flows, likeness, trust = np.empty_like(steps), np.empty_like(planes), np.empty_like(planes)
    so_far = np.zeros_like(steps[0])
    for k in range(len(planes)) if before else reversed(range(len(planes))):
        so_far = compose(steps[k], so_far)
        flows[k] = so_far
        likeness[k] = _ALIKE / (_ALIKE + _difference(planes[k], warp(towards[k], steps[k])))
        trust[k] = trust_of(_difference(planes[k], warp(there, so_far)))
    return Side(given, steps, flows, likeness, trust)


Difference = TypeVar("Difference", float, NDArray[np.float32])


def trust_of(difference: Difference) -> Difference:
    """Return the trust in a given slice that differs so much from the image, in scaled intensity."""
    trust: Difference = (_ALIKE / (_ALIKE + difference)) ** _SHARPNESS
    return trust


def _difference(plane: NDArray[np.float32], warped: NDArray[np.float32]) -> NDArray[np.float32]:
    smoothed: NDArray[np.float32] = smooth(np.abs(warped - plane), _ROUNDS)
    return smoothed
