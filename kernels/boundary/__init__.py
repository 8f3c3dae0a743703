"""Boundaries of masks: the voxels near their surface, which boundary IoU compares (Cheng et al., CVPR 2021)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.kernels.device import choose_twin
from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.label_array import as_label_pair
from maskwright.kernels.point_groups import PointGroups

__all__ = ["count_boundary_voxels"]


def count_boundary_voxels(
    reference: ArrayLike,
    prediction: ArrayLike,
    labels: NDArray[np.uint64],
    reference_surfaces: PointGroups,
    prediction_surfaces: PointGroups,
    lattice: Lattice,
    tolerance_mm: float,
) -> NDArray[np.int64]:
    """Count the voxels of each label within ``tolerance_mm`` of its own surface, in both arrays and in both at once.

    Parameters
    ----------
    reference, prediction : bool, uint8, uint16 or uint32 arrays of equal shape, (y, x) or (z, y, x)
    labels : uint64[n]
        As given to ``find_surfaces``.
    reference_surfaces, prediction_surfaces : PointGroups
        Those of the two arrays, from ``find_surfaces``.
    lattice : Lattice
    tolerance_mm : float
        Distances up to and including this one, between voxel centres, at least 0. At 0 a boundary is the surface.
        There is no slack for rounding: 2.4 / 0.8 is 2.9999999999999996, so a caller adds 1e-9 of it to keep three
        steps of 0.8.

    Returns
    -------
    int64[n, 3]
        Voxels in the boundary of the reference, in that of the prediction, and in both.
    """
    twin = choose_twin(__name__, reference=reference, prediction=prediction)
    counts: NDArray[np.int64] = twin.count_boundary_voxels(
        *as_label_pair(reference, prediction), labels, reference_surfaces, prediction_surfaces, lattice, tolerance_mm
    )
    return counts
