"""The bounding box of each group of points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.flat_index import split_index
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.threads import kernel


def group_boxes(groups: PointGroups) -> NDArray[np.int64]:
    """Return the half-open box of each group, int64[groups, axis (z, y, x), lower or upper]; zeros where empty."""
    boxes = np.zeros((len(groups), 3, 2), np.int64)
    _boxes(groups.points, groups.offsets, np.array(groups.shape), boxes)
    return boxes


@kernel
def _boxes(points, offsets, shape, boxes):  # type: ignore[no-untyped-def]
    per_y, per_x = 1.0 / shape[1], 1.0 / shape[2]
    for group in range(offsets.size - 1):
        first, last = offsets[group], offsets[group + 1]
        if first == last:
            continue
        low_y, high_y, low_x, high_x = shape[1], np.int64(0), shape[2], np.int64(0)
        for i in range(first, last):
            line, x = split_index(np.int64(points[i]), shape[2], per_x)
            _, y = split_index(line, shape[1], per_y)
            low_y, high_y = min(low_y, y), max(high_y, y + 1)
            low_x, high_x = min(low_x, x), max(high_x, x + 1)
        plane = shape[1] * shape[2]
        boxes[group, 0, 0] = np.int64(points[first]) // plane
        boxes[group, 0, 1] = np.int64(points[last - 1]) // plane + 1
        boxes[group, 1, 0], boxes[group, 1, 1] = low_y, high_y
        boxes[group, 2, 0], boxes[group, 2, 1] = low_x, high_x
