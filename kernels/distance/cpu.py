"""Distances on the CPU; see the family's docstrings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance.nearest import nearest_squared, nearest_targets
from maskwright.kernels.distance.transform import transform
from maskwright.kernels.label_array import LabelArray

__all__ = ["distance_to", "distance_transform", "nearest_squared", "nearest_targets"]


def distance_transform(labels: LabelArray, spacing: tuple[float, ...], edge_is_border: bool) -> NDArray[np.float64]:
    """Return each voxel's distance to the nearest voxel of another label, 0 on background."""
    return transform(labels, spacing, zero=0, edge_is_border=edge_is_border)


def distance_to(mask: LabelArray, spacing: tuple[float, ...]) -> NDArray[np.float64]:
    """Return each voxel's distance to the nearest voxel that is 1."""
    return transform(mask, spacing, zero=1, edge_is_border=False)
