"""Graph cuts on the CPU: a network of whole numbers, and one thread that fills it with flow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import InputError
from maskwright.kernels.graph_cut import network, search_trees

_REFUSALS = {
    network.BAD_COST: "costs are expected to be 0 or more (inf allowed), got a negative value or NaN; mend them",
    network.BAD_WEIGHT: "weights are expected to be finite and 0 or more, got another value; mend them",
    network.NO_CHOICE: "a voxel to decide needs one finite cost, got infinite costs for both; make one of them finite",
}


def graph_cut(
    foreground_cost: NDArray[np.float32],
    background_cost: NDArray[np.float32],
    weights: tuple[NDArray[np.float32], ...],
    free: NDArray[np.bool_] | None,
    start: NDArray[np.bool_] | None,
) -> NDArray[np.bool_]:
    """Return the mask of least cost of checked arrays; see the family's docstring."""
    inside, outside = _values(foreground_cost), _values(background_cost)
    between = tuple(_values(array) for array in weights)
    result, voxels = _fixed_values(free, start, inside.shape)
    if voxels.size == 0:
        return result
    sizes = inside.shape[::-1]
    flat = (inside.reshape(-1), outside.reshape(-1), tuple(w.reshape(-1) for w in reversed(between)))
    problem, largest = network.examine(voxels, sizes, *flat)
    if problem != network.FINE:
        raise InputError(_REFUSALS[problem])
    nodes = network.build(voxels, sizes, *flat, result.reshape(-1), network.scale(largest))
    result.reshape(-1)[voxels] = search_trees.source_side(nodes, 2 * inside.ndim)
    return result


def _values(array: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, dtype=np.float32)


def _fixed_values(
    free: NDArray[np.bool_] | None, start: NDArray[np.bool_] | None, shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return a mask to fill in, and the flat indices of the voxels to decide."""
    result = np.zeros(shape, np.bool_) if start is None else np.array(start, order="C")
    if free is None:
        return result, np.arange(result.size)
    voxels = np.flatnonzero(free)
    if start is None and voxels.size < result.size:
        raise InputError("start is expected where some voxels are not free, got None; pass their values")
    return result, voxels
