"""Boundaries by distance transforms, one label at a time: for balls too large to grow by bits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance.cpu import distance_to
from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.point_groups import PointGroups


def count_by_transform(
    masks: tuple[NDArray[Any], NDArray[Any]],
    labels: NDArray[np.uint64],
    surfaces: tuple[PointGroups, PointGroups],
    boxes: NDArray[np.int64],
    lattice: Lattice,
    tolerance_mm: float,
) -> NDArray[np.int64]:
    """Count the boundaries of each label inside its box; needs nine bytes of memory a voxel of the largest box."""
    counts = np.zeros((len(labels), 3), np.int64)
    for group, label in enumerate(labels):
        box = tuple(slice(lower, upper) for lower, upper in boxes[group])
        in_reference, in_prediction = (
            (mask[box] == label) & _near(surface[group], boxes[group], lattice, tolerance_mm)
            for mask, surface in zip(masks, surfaces)
        )
        counts[group] = in_reference.sum(), in_prediction.sum(), (in_reference & in_prediction).sum()
    return counts


def _near(points: NDArray[Any], box: NDArray[np.int64], lattice: Lattice, tolerance_mm: float) -> NDArray[np.bool_]:
    surface = np.zeros(box[:, 1] - box[:, 0], np.bool_)
    surface[tuple(np.array(np.unravel_index(points, lattice.shape)) - box[:, :1])] = True
    spacing = tuple(lattice.unit_mm * math.sqrt(weight) for weight in lattice.weights)
    return distance_to(surface.view(np.uint8), spacing) <= tolerance_mm
