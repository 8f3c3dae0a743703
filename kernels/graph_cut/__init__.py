"""Graph cut: the binary mask of least cost under per-voxel costs and weights between neighbours, exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import GeometryError, InputError
from maskwright.kernels.graph_cut import network, search_trees

__all__ = ["graph_cut"]

_REFUSALS = {
    network.BAD_COST: "costs are expected to be 0 or more (inf allowed), got a negative value or NaN; mend them",
    network.BAD_WEIGHT: "weights are expected to be finite and 0 or more, got another value; mend them",
    network.NO_CHOICE: "a voxel to decide needs one finite cost, got infinite costs for both; make one of them finite",
}


def graph_cut(
    foreground_cost: NDArray[np.float32],
    background_cost: NDArray[np.float32],
    weights: tuple[NDArray[np.float32], ...],
    free: NDArray[np.bool_] | None = None,
    start: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return the mask ``x`` of least ``sum cost(x_p) + sum w_pq [x_p != x_q]``.

    The second sum runs over pairs of 4-neighbours (2-D) or 6-neighbours (3-D). It is a minimum s-t cut, found by a
    maximum flow (incremental breadth-first search, Goldberg et al., ESA 2011).

    Parameters
    ----------
    foreground_cost, background_cost : float32, shape (y, x) or (z, y, x)
        The cost of a voxel inside and outside the mask, 0 or more. ``inf`` forbids that side. Any strides; may be
        empty. Any other real dtype is converted to float32.
    weights : one float32 array an axis, each of the costs' shape
        ``weights[a][p]`` is the weight between voxel ``p`` and the next one along axis ``a``: finite, 0 or more. The
        last entry along the axis has no next voxel and is not read.
    free : bool, the costs' shape
        The voxels to decide; ``None`` is all. The others keep ``start`` and act on free neighbours by their weights.
        Only the costs of free voxels, and the weights that touch one, are read and checked.
    start : bool, the costs' shape
        Values of the voxels that are not free; needed only if there are any.

    Returns
    -------
    bool, the costs' shape
        C-contiguous. Where several masks have the least cost, the smallest: the one inside all the others.

    Raises
    ------
    GeometryError
        The shapes differ, or the number of weights is not the number of axes.
    InputError
        Another number of axes, a value outside its range, both costs infinite, ``free`` or ``start`` not bool, or no
        ``start`` though some voxels are not free.

    Notes
    -----
    Costs and weights are multiplied by the power of two that brings the largest weight that is read to
    ``[2**27, 2**28)``, and rounded to integers, half to even; a difference of costs larger than all weights of its
    voxel counts as just larger, which changes no cut. The mask is exact for these integers: it does not change with
    scaling by powers of two, and whole numbers are taken exactly while the weights are below 2**28. Beside a huge
    weight small costs round to 0: to hold voxels together, a weight above the costs at stake is enough.

    Time grows with the free voxels, except for one pass over ``free`` and ``start``, and over arrays that are not
    C-contiguous, which are copied.

    Examples
    --------
    >>> inside = np.array([[0, 2, 9]], dtype=np.float32)
    >>> outside = np.array([[9, 1, 0]], dtype=np.float32)
    >>> smooth = np.full((1, 3), 3, dtype=np.float32)
    >>> graph_cut(inside, outside, (smooth, smooth)).tolist()
    [[True, False, False]]
    """
    inside, outside = _values(foreground_cost), _values(background_cost)
    shape = inside.shape
    if inside.ndim not in (2, 3):
        raise InputError(f"costs are expected with 2 or 3 axes, got {inside.ndim}; pass (y, x) or (z, y, x)")
    if len(weights) != inside.ndim:
        raise GeometryError(f"{inside.ndim} arrays of weights are expected, one an axis, got {len(weights)}")
    between = tuple(_values(array) for array in weights)
    for name, array in [("background_cost", outside), *((f"weights[{a}]", w) for a, w in enumerate(between))]:
        _check_shape(name, array.shape, shape)
    result, voxels = _fixed_values(free, start, shape)
    if voxels.size == 0:
        return result
    sizes = shape[::-1]
    flat = (inside.reshape(-1), outside.reshape(-1), tuple(w.reshape(-1) for w in reversed(between)))
    problem, largest = network.examine(voxels, sizes, *flat)
    if problem != network.FINE:
        raise InputError(_REFUSALS[problem])
    nodes = network.build(voxels, sizes, *flat, result.reshape(-1), network.scale(largest))
    result.reshape(-1)[voxels] = search_trees.source_side(nodes, 2 * inside.ndim)
    return result


def _values(array: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, dtype=np.float32)


def _check_shape(name: str, came: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if came != expected:
        raise GeometryError(f"{name} is expected in foreground_cost's shape {expected}, got {came}; pass one grid")


def _fixed_values(
    free: NDArray[np.bool_] | None, start: NDArray[np.bool_] | None, shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return a mask to fill in, and the flat indices of the voxels to decide."""
    for name, array in (("free", free), ("start", start)):
        if array is not None:
            _check_shape(name, array.shape, shape)
            if array.dtype != np.bool_:
                raise InputError(f"{name} is expected to be bool, got {array.dtype}; compare it with 0 first")
    result = np.zeros(shape, np.bool_) if start is None else np.array(start, order="C")
    if free is None:
        return result, np.arange(result.size)
    voxels = np.flatnonzero(free)
    if start is None and voxels.size < result.size:
        raise InputError("start is expected where some voxels are not free, got None; pass their values")
    return result, voxels
