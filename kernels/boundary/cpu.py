"""Boundaries on the CPU: balls of few rows grow surfaces bit by bit, larger ones take distance transforms."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.boundary.slabs import count_in_slabs, row_reaches
from maskwright.kernels.boundary.transform import count_by_transform
from maskwright.kernels.boxes import group_boxes
from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.label_array import LabelArray, as_volume, widen_pair
from maskwright.kernels.point_groups import PointGroups

_MOST_ROWS = 400  # a ball over more rows than this is left to the distance transform
_LONGEST_REACH = 63  # bits that a word can be shifted


def count_boundary_voxels(
    reference: LabelArray,
    prediction: LabelArray,
    labels: NDArray[np.uint64],
    reference_surfaces: PointGroups,
    prediction_surfaces: PointGroups,
    lattice: Lattice,
    tolerance_mm: float,
) -> NDArray[np.int64]:
    """Count the boundaries in two checked arrays; see the family's docstring."""
    masks = tuple(as_volume(array) for array in widen_pair(reference, prediction))
    surfaces = reference_surfaces, prediction_surfaces
    boxes = _joint_boxes(*(group_boxes(surface) for surface in surfaces))
    furthest = math.hypot(*(size * math.sqrt(weight) for size, weight in zip(lattice.shape, lattice.weights)))
    reaches = row_reaches(lattice, min(tolerance_mm / lattice.unit_mm, furthest) ** 2)
    if len(reaches) > _MOST_ROWS or reaches[:, 2].max() > _LONGEST_REACH:
        return count_by_transform((masks[0], masks[1]), labels, surfaces, boxes, lattice, tolerance_mm)
    return count_in_slabs((masks[0], masks[1]), labels, surfaces, boxes, reaches)


def _joint_boxes(reference: NDArray[np.int64], prediction: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the box around both; an empty box (zeros) adds nothing."""
    lower = np.minimum(reference[..., 0], prediction[..., 0])
    empty = (reference[:, :1, 1] == 0) | (prediction[:, :1, 1] == 0)
    lower = np.where(empty, np.maximum(reference[..., 0], prediction[..., 0]), lower)
    return np.stack([lower, np.maximum(reference[..., 1], prediction[..., 1])], axis=-1)
