"""The result of a propagation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.label_array import LabelArray


@dataclass(frozen=True, eq=False)
class Propagation:
    """A filled mask, and the confidence of each slice of it.

    ``mask`` has the shape and dtype of the sparse mask. ``confidence`` (float32, one value a slice along the axis) is 1
    on given slices and 0 on slices outside ``start`` and ``stop``. In between it is the agreement of both sides, as the
    mean Dice over labels, less 2 % for each slice of distance; beyond the outermost given slice it is the agreement of
    the carried shape with the result, and only falls. ``fallback`` holds the slices, in order, between two given ones
    whose shapes of some label are too different to be blended: hardly overlapping half-way, or one many times larger.
    """

    mask: LabelArray
    confidence: NDArray[np.float32]
    fallback: tuple[int, ...]
