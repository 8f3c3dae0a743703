"""Graph cut: the binary mask of least cost under per-voxel costs and weights between neighbours, exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import GeometryError, InputError
from maskwright.kernels.device import choose_twin
from maskwright.kernels.label_array import as_any_array

__all__ = ["graph_cut"]


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
    extra = {name: array for name, array in (("free", free), ("start", start)) if array is not None}
    between = {f"weights[{axis}]": array for axis, array in enumerate(weights)}
    costs = {"foreground_cost": foreground_cost, "background_cost": background_cost}
    twin = choose_twin(__name__, **costs, **between, **extra)
    shape = tuple(foreground_cost.shape)
    if len(shape) not in (2, 3):
        raise InputError(f"costs are expected with 2 or 3 axes, got {len(shape)}; pass (y, x) or (z, y, x)")
    if len(weights) != len(shape):
        raise GeometryError(f"{len(shape)} arrays of weights are expected, one an axis, got {len(weights)}")
    for name, array in {**costs, **between, **extra}.items():
        if tuple(array.shape) != shape:
            came = tuple(array.shape)
            raise GeometryError(f"{name} is expected in foreground_cost's shape {shape}, got {came}; pass one grid")
    for name, array in extra.items():
        if as_any_array(array)[2] != np.bool_:
            raise InputError(f"{name} is expected to be bool, got {array.dtype}; compare it with 0 first")
    mask: NDArray[np.bool_] = twin.graph_cut(foreground_cost, background_cost, weights, free, start)
    return mask
