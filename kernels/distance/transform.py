"""Exact Euclidean distance transforms of masks and label maps, with anisotropic spacing.

Separable: one pass along each axis, last axis first. The first pass measures runs of equal label; each further pass
takes, within each run of equal label on its lines, the lower envelope of one parabola a voxel, whose apex is that
voxel's squared distance so far (Felzenszwalb and Huttenlocher, Theory of Computing 2012). A voxel of another label ends
the run with a parabola of height 0, so all labels are done at once. Time is linear in the number of voxels; memory is
the result and a few lines for each thread. Lines do not depend on each other, so neither does the result on threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from maskwright.errors import LabelError
from maskwright.kernels.label_array import LabelArray, as_label_array, check_spacing

# Lines that one thread works on together: neighbours on the last axis share cache lines.
_LINES = 16


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
    array = as_label_array(labels)
    return _transform(array, check_spacing(spacing_mm, array.ndim), zero=0, edge_is_border=edge_is_border)


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
    if mask.dtype != np.bool_:
        raise LabelError(f"mask is {mask.dtype}; expected bool: pass mask > 0 or labels == label")
    array = as_label_array(mask, "mask")
    return _transform(array, check_spacing(spacing_mm, array.ndim), zero=1, edge_is_border=False)


def _transform(
    array: LabelArray, spacing: tuple[float, ...], *, zero: int, edge_is_border: bool
) -> NDArray[np.float64]:
    """Distances of voxels to the nearest one of another value; voxels of value ``zero`` get 0."""
    squared = np.empty(array.shape)
    if array.size == 0:
        return squared
    labels = np.ascontiguousarray(array)
    zero = labels.dtype.type(zero)  # so that each dtype compiles once
    shape = labels.shape
    _first_pass(labels.reshape(-1, shape[-1]), zero, spacing[-1], edge_is_border, squared.reshape(-1, shape[-1]))
    for axis in reversed(range(labels.ndim - 1)):
        lines = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
        _further_pass(labels.reshape(lines), zero, spacing[axis] ** 2, edge_is_border, squared.reshape(lines))
    return np.sqrt(squared, out=squared)


@njit(parallel=True, cache=True)
def _first_pass(labels, zero, spacing, edge_is_border, squared):  # type: ignore[no-untyped-def]
    """Squared distances along the last axis of ``labels`` (lines, voxels) into ``squared``."""
    lines, voxels = labels.shape
    for line in prange(lines):
        names, values = labels[line], squared[line]
        start = 0
        while start < voxels:
            end = _end_of_run(names, start)
            for i in range(start, end):
                nearest = 0.0 if names[start] == zero else np.inf
                if start > 0 or edge_is_border:
                    nearest = min(nearest, (i - start + 1) * spacing)
                if end < voxels or edge_is_border:
                    nearest = min(nearest, (end - i) * spacing)
                values[i] = nearest * nearest
            start = end


@njit(parallel=True, cache=True)
def _further_pass(labels, zero, weight, edge_is_border, squared):  # type: ignore[no-untyped-def]
    """Add the middle axis of (outer, voxels, inner) to ``squared``, in place; ``weight`` is its spacing squared."""
    outer, voxels, inner = labels.shape
    blocks = (inner + _LINES - 1) // _LINES
    for task in prange(outer * blocks):
        layer = task // blocks
        first = (task % blocks) * _LINES
        lines = min(_LINES, inner - first)
        line_labels = np.empty((lines, voxels), labels.dtype)
        line_squared = np.empty((lines, voxels))
        envelope = (np.empty(voxels + 2, np.int64), np.empty(voxels + 2), np.empty(voxels + 2))
        for i in range(voxels):
            for line in range(lines):
                line_labels[line, i] = labels[layer, i, first + line]
                line_squared[line, i] = squared[layer, i, first + line]
        for line in range(lines):
            names, values = line_labels[line], line_squared[line]
            start = 0
            while start < voxels:
                end = _end_of_run(names, start)
                if names[start] != zero:
                    borders = (start > 0 or edge_is_border, end < voxels or edge_is_border)
                    _lower_envelope(values, start, end, borders, weight, envelope)
                start = end
        for i in range(voxels):
            for line in range(lines):
                squared[layer, i, first + line] = line_squared[line, i]


# The functions below are inlined: most runs are short, and a call would count references to its arrays.


@njit(cache=True, inline="always")
def _end_of_run(labels, start):  # type: ignore[no-untyped-def]
    end = start + 1
    while end < labels.size and labels[end] == labels[start]:
        end += 1
    return end


@njit(cache=True, inline="always")
def _lower_envelope(squared, start, end, borders, weight, envelope):  # type: ignore[no-untyped-def]
    """Replace ``squared[start:end]`` by the lower envelope of its parabolas and those of the run's borders."""
    apex, height, begin = envelope
    count = 0
    for i in range(start - borders[0], end + borders[1]):
        here = squared[i] if start <= i < end else 0.0
        if here == np.inf:
            continue
        crossing = -np.inf
        while count > 0:
            last = count - 1
            crossing = 0.5 * (i + apex[last] + (here - height[last]) / (weight * (i - apex[last])))
            if crossing > begin[last]:
                break
            count -= 1
        if count == 0:
            crossing = -np.inf
        if crossing < end:
            apex[count], height[count], begin[count] = i, here, crossing
            count += 1
    if count == 0:
        return
    k = 0
    for i in range(start, end):
        while k + 1 < count and begin[k + 1] <= i:
            k += 1
        step = i - apex[k]
        squared[i] = height[k] + weight * (step * step)
