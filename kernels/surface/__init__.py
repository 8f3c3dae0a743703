"""Sparse surfaces of every label at once: their voxels, or their area-weighted 2 x 2 x 2 elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.errors import LabelError
from maskwright.kernels.device import choose_twin
from maskwright.kernels.label_array import as_label_array, check_spacing
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface.element_areas import element_areas_3d, element_lengths_2d

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
    twin = choose_twin(__name__, array=array)
    wanted = _checked_labels(labels)
    groups: PointGroups = twin.surface_voxels(as_label_array(array), wanted)
    return groups


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
    twin = choose_twin(__name__, array=array)
    checked, wanted = as_label_array(array), _checked_labels(labels)
    spacing = check_spacing(spacing_mm, len(checked.shape))
    areas = element_lengths_2d(spacing) if len(spacing) == 2 else element_areas_3d(spacing)
    points, areas_of_points = twin.surface_elements(checked, wanted, areas)
    return SurfaceElements(points, areas_of_points)


def _checked_labels(labels: ArrayLike) -> NDArray[np.uint64]:
    given = np.asarray(labels)
    if given.size == 0:
        given = given.astype(np.uint64)
    if given.ndim != 1 or given.dtype.kind not in "iu" or (given < 1).any() or (given[1:] <= given[:-1]).any():
        raise LabelError(f"labels are {given.tolist()}; expected whole numbers, ascending, without 0")
    return given.astype(np.uint64)
