"""Sparse surfaces of every label at once: their voxels, or their area-weighted 2 x 2 x 2 elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.errors import LabelError
from maskwright.kernels.label_array import as_label_array, as_volume, check_spacing
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface.element_areas import element_areas_3d, element_lengths_2d
from maskwright.kernels.surface.elements import surface_element_codes
from maskwright.kernels.surface.voxels import surface_voxels

__all__ = ["SurfaceElements", "element_areas_3d", "element_lengths_2d", "find_elements", "find_surfaces"]


@dataclass(frozen=True, eq=False)
class SurfaceElements:
    """Surface elements grouped by label.

    Attributes
    ----------
    points : PointGroups
        Block positions: position (z, y, x) is the block whose highest corner is voxel (z, y, x), so the grid of
        positions is one longer than the array along each axis.
    areas : float64[n]
        Area in mm2 of each element; in 2-D, length in mm.
    """

    points: PointGroups
    areas: NDArray[np.float64]

    def between(self, first: int, last: int) -> SurfaceElements:
        """Return the groups ``first`` to ``last``, half-open, without copying."""
        offsets = self.points.offsets
        return SurfaceElements(self.points.between(first, last), self.areas[offsets[first] : offsets[last]])


def find_surfaces(array: ArrayLike, labels: ArrayLike) -> PointGroups:
    """Return the surface voxels of each label: those with a face neighbour (6 in 3-D, 4 in 2-D) of another label.

    The edge of the image counts as outside (Metrics Reloaded; MedPy and MONAI agree).

    Parameters
    ----------
    array : bool, uint8, uint16 or uint32, shape (y, x) or (z, y, x), any strides
        C-contiguous arrays are read in place, others are copied.
    labels : whole numbers, ascending, without 0
        A label that does not occur gets an empty group.

    Returns
    -------
    PointGroups
        One group a label, in the order of ``labels``; a 2-D image is a lattice of one plane.
    """
    checked = as_label_array(array)
    wanted, beyond = _split_wanted(labels, checked.dtype)
    return _with_empty_groups(surface_voxels(as_volume(checked), checked.ndim == 2, wanted), beyond)


def find_elements(array: ArrayLike, labels: ArrayLike, spacing_mm: ArrayLike) -> SurfaceElements:
    """Return the surface elements of each label with their areas (Nikolov et al., JMIR 2021).

    An element is a block of 2 x 2 x 2 voxels (2 x 2 in 2-D) that holds the label and something else; beyond the edge
    of the image is background. See ``element_areas`` for what its area is.

    Parameters
    ----------
    array, labels
        As in ``find_surfaces``.
    spacing_mm
        Voxel size in mm, one positive number an axis.
    """
    checked = as_label_array(array)
    spacing = check_spacing(spacing_mm, checked.ndim)
    areas = element_lengths_2d(spacing) if checked.ndim == 2 else element_areas_3d(spacing)
    wanted, beyond = _split_wanted(labels, checked.dtype)
    points, codes = surface_element_codes(as_volume(checked), checked.ndim == 2, wanted)
    return SurfaceElements(_with_empty_groups(points, beyond), areas[codes])


def _split_wanted(labels: ArrayLike, dtype: np.dtype[Any]) -> tuple[NDArray[np.uint64], int]:
    """Return the labels that ``dtype`` can hold, and how many it cannot: those have no voxel and must not wrap."""
    given = np.asarray(labels)
    if given.size == 0:
        given = given.astype(np.uint64)
    if given.ndim != 1 or given.dtype.kind not in "iu" or (given < 1).any() or (given[1:] <= given[:-1]).any():
        raise LabelError(f"labels are {given.tolist()}; expected whole numbers, ascending, without 0")
    wanted = given.astype(np.uint64)
    fitting = int(np.searchsorted(wanted, np.uint64(np.iinfo(dtype).max), side="right"))
    return wanted[:fitting], len(wanted) - fitting


def _with_empty_groups(groups: PointGroups, count: int) -> PointGroups:
    offsets = np.append(groups.offsets, np.full(count, groups.offsets[-1]))
    return PointGroups(groups.points, offsets, groups.shape)
