"""Bands of a mask along its surface: the voxels that boundary IoU compares (Cheng et al., CVPR 2021)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.kernels.boundary.cpu import count_in_slabs, row_reaches
from maskwright.kernels.boundary.transform import count_by_transform
from maskwright.kernels.boxes import group_boxes
from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.label_array import as_label_pair, as_volume
from maskwright.kernels.point_groups import PointGroups

__all__ = ["count_boundary_voxels"]

_MOST_ROWS = 400  # a ball over more rows than this is left to the distance transform
_LONGEST_REACH = 63  # bits that a word can be shifted


def count_boundary_voxels(
    reference: ArrayLike,
    prediction: ArrayLike,
    labels: NDArray[np.uint64],
    reference_surfaces: PointGroups,
    prediction_surfaces: PointGroups,
    lattice: Lattice,
    limit_mm: float,
) -> NDArray[np.int64]:
    """Count the voxels of each label within ``limit_mm`` of its own surface, in both arrays and in both at once.

    Parameters
    ----------
    reference, prediction : bool, uint8, uint16 or uint32 arrays of equal shape, (y, x) or (z, y, x)
    labels : uint64[n]
        As given to ``find_surfaces``.
    reference_surfaces, prediction_surfaces : PointGroups
        What ``find_surfaces`` returned for the two arrays.
    lattice : Lattice
    limit_mm : float
        Distances up to and including this one, between voxel centres, at least 0. At 0 a band is the surface. There is
        no slack for rounding: 2.4 / 0.8 is 2.9999999999999996, so a caller adds 1e-9 of it to keep three steps of 0.8.

    Returns
    -------
    int64[n, 3]
        Voxels in the band of the reference, in that of the prediction, and in both.
    """
    first, second = (as_volume(array) for array in as_label_pair(reference, prediction))
    surfaces = reference_surfaces, prediction_surfaces
    boxes = _joint_boxes(*(group_boxes(surface) for surface in surfaces))
    furthest = math.hypot(*(size * math.sqrt(weight) for size, weight in zip(lattice.shape, lattice.weights)))
    reaches = row_reaches(lattice, min(limit_mm / lattice.unit_mm, furthest) ** 2)
    if len(reaches) > _MOST_ROWS or reaches[:, 2].max() > _LONGEST_REACH:
        return count_by_transform((first, second), labels, surfaces, boxes, lattice, limit_mm)
    return count_in_slabs(first, second, labels, *surfaces, boxes, reaches)


def _joint_boxes(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the box around both; an empty box (zeros) adds nothing."""
    lower = np.minimum(first[..., 0], second[..., 0])
    empty = (first[:, :1, 1] == 0) | (second[:, :1, 1] == 0)
    lower = np.where(empty, np.maximum(first[..., 0], second[..., 0]), lower)
    return np.stack([lower, np.maximum(first[..., 1], second[..., 1])], axis=-1)
