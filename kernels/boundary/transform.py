"""Bands by distance transforms, one label at a time: for balls too large to grow by bits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.distance.transform import distance_to
from maskwright.kernels.point_groups import PointGroups


def count_by_transform(
    masks: tuple[NDArray[Any], NDArray[Any]],
    labels: NDArray[np.uint64],
    surfaces: tuple[PointGroups, PointGroups],
    boxes: NDArray[np.int64],
    lattice: Lattice,
    limit_mm: float,
) -> NDArray[np.int64]:
    """Count the bands of each label inside its box; needs nine bytes of memory a voxel of the largest box."""
    counts = np.zeros((len(labels), 3), np.int64)
    for group, label in enumerate(labels):
        box = tuple(slice(lower, upper) for lower, upper in boxes[group])
        first, second = (
            (mask[box] == label) & _near(surface[group], boxes[group], lattice, limit_mm)
            for mask, surface in zip(masks, surfaces)
        )
        counts[group] = first.sum(), second.sum(), (first & second).sum()
    return counts


def _near(points: NDArray[Any], box: NDArray[np.int64], lattice: Lattice, limit_mm: float) -> NDArray[np.bool_]:
    surface = np.zeros(box[:, 1] - box[:, 0], np.bool_)
    surface[tuple(np.array(np.unravel_index(points, lattice.shape)) - box[:, :1])] = True
    spacing = [lattice.unit_mm * math.sqrt(weight) for weight in lattice.weights]
    return distance_to(surface, spacing) <= limit_mm
