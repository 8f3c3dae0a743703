"""Boundaries the plain way: the distance from every voxel of a mask to every voxel of its surface."""

import numpy as np

from reference.surface import surface_voxels


def in_boundary(array, label, spacing_mm, tolerance_mm):
    """Which voxels carry ``label`` and lie within ``tolerance_mm`` of its surface."""
    positions = np.indices(array.shape).reshape(array.ndim, -1).T * np.array(spacing_mm)
    surface = positions[surface_voxels(array, label)]
    near = np.zeros(array.size, bool)
    for voxel in np.flatnonzero(array == label):
        near[voxel] = np.sqrt(((surface - positions[voxel]) ** 2).sum(axis=1)).min() <= tolerance_mm * (1 + 1e-9)
    return near


def count_boundary_voxels(reference, prediction, labels, spacing_mm, tolerance_mm):
    """Voxels in the boundary of the reference, in that of the prediction, and in both: one row a label."""
    rows = []
    for label in labels:
        first, second = (in_boundary(array, label, spacing_mm, tolerance_mm) for array in (reference, prediction))
        rows.append([first.sum(), second.sum(), (first & second).sum()])
    return np.array(rows, np.int64).reshape(-1, 3)
