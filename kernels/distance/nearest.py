"""Nearest points of two grouped point sets, already checked: rows near by, a box tree far off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.distance.rows import FAR, nearest_in_rows
from maskwright.kernels.distance.tree import search_tree
from maskwright.kernels.flat_index import split_index
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.threads import kernel

_QUERIES_A_JOB = 1024


def nearest_squared(queries: PointGroups, targets: PointGroups, lattice: Lattice) -> NDArray[np.float64]:
    """Return the weighted squared distance from each query to the nearest target of its own group."""
    return _search(queries, targets, lattice, np.empty(0, np.int64))


def nearest_targets(queries: PointGroups, targets: PointGroups, lattice: Lattice) -> NDArray[np.int64]:
    """Return the flat index of the target nearest to each query; -1 where the group has no target."""
    nearest = np.full(len(queries.points), -1, np.int64)
    _search(queries, targets, lattice, nearest)
    return nearest


def offsets_in_mm(
    queries: PointGroups, nearest: NDArray[np.int64], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Return the distance from each query to its nearest target, float64[n], rounded as SciPy's transform rounds it.

    Infinity where ``nearest`` is -1. Three steps of 0.8 mm are 2.4000000000000004 mm.
    """
    distances = np.empty(len(queries.points), np.float64)
    _offsets(queries.points, nearest, np.array(queries.shape), np.array(spacing_mm), distances)
    return distances


@kernel
def _offsets(points, nearest, shape, spacing, distances):  # type: ignore[no-untyped-def]
    per_y, per_x = 1.0 / shape[1], 1.0 / shape[2]
    for i in range(points.size):
        if nearest[i] < 0:
            distances[i] = np.inf
            continue
        line, x = split_index(np.int64(points[i]), shape[2], per_x)
        z, y = split_index(line, shape[1], per_y)
        target_line, target_x = split_index(nearest[i], shape[2], per_x)
        target_z, target_y = split_index(target_line, shape[1], per_y)
        dz, dy, dx = (z - target_z) * spacing[0], (y - target_y) * spacing[1], (x - target_x) * spacing[2]
        distances[i] = np.sqrt(dz * dz + dy * dy + dx * dx)


def _search(
    queries: PointGroups, targets: PointGroups, lattice: Lattice, nearest: NDArray[np.int64]
) -> NDArray[np.float64]:
    squared = np.empty(len(queries.points), np.float64)
    nearest_in_rows(queries, targets, _split_into_jobs(queries), lattice, squared, nearest)
    far = np.flatnonzero(squared == FAR)
    ends = np.searchsorted(far, queries.offsets)
    for group in np.flatnonzero(np.diff(ends)).tolist():
        beyond = far[ends[group] : ends[group + 1]]
        squared[beyond] = np.inf
        if len(targets[group]):
            squared[beyond], answers = search_tree(queries.points[beyond], targets[group], lattice)
            if len(nearest):
                nearest[beyond] = answers
    return squared


def _split_into_jobs(queries: PointGroups) -> NDArray[np.int64]:
    """Return (group, start, stop) of pieces of all groups; one is walked by one thread."""
    pieces = (queries.sizes + _QUERIES_A_JOB - 1) // _QUERIES_A_JOB
    group = np.repeat(np.arange(len(queries)), pieces)
    piece = np.arange(len(group)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start = queries.offsets[group] + piece * _QUERIES_A_JOB
    stop = np.minimum(start + _QUERIES_A_JOB, queries.offsets[group + 1])
    return np.stack([group, start, stop], axis=1)
