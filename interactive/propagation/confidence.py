"""The confidence of the slices of a gap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.depths import Depths
from maskwright.interactive.propagation.gaps import Gap
from maskwright.interactive.propagation.shapes import Shapes

# The factor of the confidence for each unit of doubt.
_DECAY = 0.98


def label_confidence(shapes: Shapes, depths: Depths) -> NDArray[np.float64]:
    """Return, for each target, the Dice of a label carried from both sides, or from one side and in the result.

    On real organs this follows the Dice with the reference better than the similarity of the images does.
    """
    other = shapes.carried[1] if len(shapes.carried) == 2 else depths > 0
    return _dice(shapes.carried[0], other)


def gap_confidence(gap: Gap, labels: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Return the confidence of each target: the mean over labels, less for doubt, falling towards an open end."""
    mean = np.mean(labels, axis=0) if labels else np.ones(len(gap.targets))
    if gap.before is None:
        mean = np.minimum.accumulate(mean[::-1])[::-1]
    elif gap.after is None:
        mean = np.minimum.accumulate(mean)
    doubt = np.array([gap.doubt(target) for target in gap.targets])
    return (mean * _DECAY**doubt).astype(np.float32)


def _dice(masks: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.float64]:
    both, sizes = (masks & others).sum(axis=(1, 2)), masks.sum(axis=(1, 2)) + others.sum(axis=(1, 2))
    return np.where(sizes > 0, 2 * both / np.maximum(sizes, 1), 1.0)
