"""Distances in mm: nearest points between surfaces, and exact Euclidean distance transforms."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import GeometryError
from maskwright.kernels.device import choose_twin
from maskwright.kernels.distance.lattice import Lattice, make_lattice
from maskwright.kernels.label_array import as_label_array, as_mask, check_spacing
from maskwright.kernels.point_groups import PointGroups

__all__ = ["Lattice", "distance_to", "distance_transform", "make_lattice", "nearest_squared", "nearest_targets"]


def distance_transform(
    labels: NDArray[Any], spacing_mm: Sequence[float], *, edge_is_border: bool = False
) -> NDArray[np.float64]:
    """Return each voxel's distance in mm to the nearest voxel of another label, background included.

    Distances run between voxel centres. Background voxels have distance 0.

    Parameters
    ----------
    labels : bool, uint8, uint16 or uint32, shape (y, x) or (z, y, x)
        0 is background. Any strides; may be empty.
    spacing_mm : one positive number an axis
        Voxel size in mm, in array-axis order.
    edge_is_border : bool
        Whether the image ends in a layer of background outside it: a labelled voxel on the edge then has at most the
        distance of one voxel. Otherwise only voxels of the image count.

    Returns
    -------
    float64, the shape of ``labels``
        C-contiguous; infinite where the image holds no other label (and ``edge_is_border`` is false).

    Raises
    ------
    LabelError, InputError
        Another dtype or number of axes: see ``as_label_array``.
    GeometryError
        The spacing is not one positive finite number an axis.

    Examples
    --------
    >>> row = np.array([[0, 1, 1, 1, 2, 2]], dtype=np.uint8)
    >>> distance_transform(row, (1.0, 0.5)).tolist()
    [[0.0, 0.5, 1.0, 0.5, 0.5, 1.0]]
    """
    twin = choose_twin(__name__, labels=labels)
    array = as_label_array(labels)
    distances: NDArray[np.float64] = twin.distance_transform(
        array, check_spacing(spacing_mm, len(array.shape)), edge_is_border
    )
    return distances


def distance_to(mask: NDArray[np.bool_], spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Return each voxel's distance in mm to the nearest true voxel.

    Parameters
    ----------
    mask : bool, shape (y, x) or (z, y, x)
        Any strides; may be empty.
    spacing_mm : one positive number an axis
        Voxel size in mm, in array-axis order.

    Returns
    -------
    float64, the shape of ``mask``
        C-contiguous; 0 on true voxels, infinite everywhere if no voxel is true.

    Raises
    ------
    LabelError, InputError
        Not bool, or another number of axes: see ``as_label_array``.
    GeometryError
        The spacing is not one positive finite number an axis.

    Examples
    --------
    >>> distance_to(np.array([[True, False, False]]), (1.0, 0.5)).tolist()
    [[0.0, 0.5, 1.0]]
    """
    twin = choose_twin(__name__, mask=mask)
    array = as_mask(mask, "mask")
    distances: NDArray[np.float64] = twin.distance_to(array, check_spacing(spacing_mm, len(array.shape)))
    return distances


def nearest_squared(queries: PointGroups, targets: PointGroups, lattice: Lattice) -> NDArray[np.float64]:
    """Return the weighted squared distance from each query to the nearest target of its own group.

    Parameters
    ----------
    queries, targets : PointGroups
        The same number of groups on the same lattice; see ``maskwright.kernels.surface``.
    lattice : Lattice
        Its ``to_mm`` turns the answer into mm.

    Returns
    -------
    float64[n]
        One value a query, in the order of ``queries.points``; infinity where the group has no target. Whole numbers
        (see ``make_lattice``), so that they depend neither on threads nor on the way of the search.
    """
    twin = _nearest_twin(queries, targets, lattice)
    squared: NDArray[np.float64] = twin.nearest_squared(queries, targets, lattice)
    return squared


def nearest_targets(queries: PointGroups, targets: PointGroups, lattice: Lattice) -> NDArray[np.int64]:
    """Return the flat index of the target nearest to each query, int64[n]; -1 where the group has no target.

    Of equally near targets, one is chosen by the way of the search; it does not depend on threads.
    """
    twin = _nearest_twin(queries, targets, lattice)
    nearest: NDArray[np.int64] = twin.nearest_targets(queries, targets, lattice)
    return nearest


def _nearest_twin(queries: PointGroups, targets: PointGroups, lattice: Lattice) -> ModuleType:
    if len(queries) != len(targets) or queries.shape != targets.shape or queries.shape != lattice.shape:
        raise GeometryError(
            f"queries have {len(queries)} groups on {queries.shape}, targets {len(targets)} on {targets.shape}, "
            f"the lattice is {lattice.shape}; expected the same groups and shape"
        )
    return choose_twin(__name__, queries=queries.points, targets=targets.points)
