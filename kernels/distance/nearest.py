"""Nearest distances between two grouped point sets: rows near by, a box tree far off."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from maskwright.errors import GeometryError
from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.distance.rows import FAR, nearest_in_rows
from maskwright.kernels.distance.tree import search_tree
from maskwright.kernels.flat_index import split_index
from maskwright.kernels.point_groups import PointGroups

_QUERIES_A_JOB = 1024


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
    return _search(queries, targets, lattice, np.empty(0, np.int64))


def nearest_targets(queries: PointGroups, targets: PointGroups, lattice: Lattice) -> NDArray[np.int64]:
    """Return the flat index of the target nearest to each query, int64[n]; -1 where the group has no target.

    Of equally near targets, one is chosen by the way of the search; it does not depend on threads.
    """
    nearest = np.full(len(queries.points), -1, np.int64)
    _search(queries, targets, lattice, nearest)
    return nearest


def offsets_in_mm(
    queries: PointGroups, nearest: NDArray[np.int64], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Return the distance from each query to its nearest target, float64[n], rounded as SciPy's transform rounds it.

    Infinity where ``nearest`` is -1. Three steps of 0.8 mm are 2.4000000000000004 mm.
    """
    return np.asarray(_offsets(queries.points, nearest, np.array(queries.shape), np.array(spacing_mm)))


@njit(parallel=True, cache=True)
def _offsets(points, nearest, shape, spacing):  # type: ignore[no-untyped-def]
    distances = np.empty(points.size, np.float64)
    per_y, per_x = 1.0 / shape[1], 1.0 / shape[2]
    for i in prange(points.size):
        if nearest[i] < 0:
            distances[i] = np.inf
            continue
        line, x = split_index(points[i], shape[2], per_x)
        z, y = split_index(line, shape[1], per_y)
        target_line, target_x = split_index(nearest[i], shape[2], per_x)
        target_z, target_y = split_index(target_line, shape[1], per_y)
        dz, dy, dx = (z - target_z) * spacing[0], (y - target_y) * spacing[1], (x - target_x) * spacing[2]
        distances[i] = np.sqrt(dz * dz + dy * dy + dx * dx)
    return distances


def _search(
    queries: PointGroups, targets: PointGroups, lattice: Lattice, nearest: NDArray[np.int64]
) -> NDArray[np.float64]:
    if len(queries) != len(targets) or queries.shape != targets.shape or queries.shape != lattice.shape:
        raise GeometryError(
            f"queries have {len(queries)} groups on {queries.shape}, targets {len(targets)} on {targets.shape}, "
            f"the lattice is {lattice.shape}; expected the same groups and shape"
        )
    squared = np.empty(len(queries.points), np.float64)
    nearest_in_rows(queries, targets, _split_into_jobs(queries), lattice, squared, nearest)
    far = np.flatnonzero(squared == FAR)
    ends = np.searchsorted(far, queries.offsets)
    for group in np.flatnonzero(np.diff(ends)).tolist():
        asked = far[ends[group] : ends[group + 1]]
        squared[asked] = np.inf
        if len(targets[group]):
            squared[asked], found = search_tree(queries.points[asked], targets[group], lattice)
            if len(nearest):
                nearest[asked] = found
    return squared


def _split_into_jobs(queries: PointGroups) -> NDArray[np.int64]:
    """Cut the groups into (group, start, stop), dealt out so that each thread gets a share of every group."""
    pieces = (queries.sizes + _QUERIES_A_JOB - 1) // _QUERIES_A_JOB
    group = np.repeat(np.arange(len(queries)), pieces)
    piece = np.arange(len(group)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start = queries.offsets[group] + piece * _QUERIES_A_JOB
    stop = np.minimum(start + _QUERIES_A_JOB, queries.offsets[group + 1])
    jobs = np.stack([group, start, stop], axis=1)
    threads = get_num_threads()
    return np.concatenate([jobs[thread::threads] for thread in range(threads)])
