"""Surfaces on the CPU: scans of a C-contiguous volume; other arrays are copied."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.label_array import LabelArray, as_volume
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface.elements import element_codes
from maskwright.kernels.surface.voxels import scan_voxels


def surface_voxels(array: LabelArray, labels: NDArray[np.uint64]) -> PointGroups:
    """Return the surface voxels of each of the checked labels; see ``find_surfaces``."""
    fitting, beyond = _split(labels, array.dtype)
    return _with_empty_groups(scan_voxels(as_volume(array), array.ndim == 2, fitting), beyond)


def surface_elements(
    array: LabelArray, labels: NDArray[np.uint64], areas: NDArray[np.float64]
) -> tuple[PointGroups, NDArray[np.float64]]:
    """Return the elements of each of the checked labels and their areas, which ``areas`` has by neighbour code."""
    fitting, beyond = _split(labels, array.dtype)
    points, codes = element_codes(as_volume(array), array.ndim == 2, fitting)
    return _with_empty_groups(points, beyond), areas[codes]


def _split(labels: NDArray[np.uint64], dtype: np.dtype[Any]) -> tuple[NDArray[np.uint64], int]:
    """Return the labels that ``dtype`` can hold, and how many it cannot: those have no voxel and must not wrap."""
    fitting = int(np.searchsorted(labels, np.uint64(np.iinfo(dtype).max), side="right"))
    return labels[:fitting], len(labels) - fitting


def _with_empty_groups(groups: PointGroups, count: int) -> PointGroups:
    offsets = np.append(groups.offsets, np.full(count, groups.offsets[-1]))
    return PointGroups(groups.points, offsets, groups.shape)
