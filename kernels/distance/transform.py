"""Exact Euclidean distance transforms of masks and label maps, with anisotropic spacing.

Separable: one pass along each axis, last axis first. The first pass measures runs of equal label; each further pass
takes, within each run of equal label on its lines, the lower envelope of one parabola a voxel, whose apex is that
voxel's squared distance so far (Felzenszwalb and Huttenlocher, Theory of Computing 2012). A voxel of another label ends
the run with a parabola of height 0, so all labels are done at once. Time is linear in the number of voxels; memory is
the result and a few lines for each thread. Lines do not depend on each other, so neither does the result on threads.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.label_array import LabelArray
from maskwright.kernels.threads import kernel, run_in_parts, thread_count

_LEAST_VOXELS = 1 << 18  # a thread
# Lines that one thread works on together: neighbours on the last axis share cache lines.
_LINES = 16


def transform(array: LabelArray, spacing: tuple[float, ...], *, zero: int, edge_is_border: bool) -> NDArray[np.float64]:
    """Return distances of voxels to the nearest one of another value; voxels of value ``zero`` get 0."""
    squared = np.empty(array.shape)
    if array.size == 0:
        return squared
    labels = np.ascontiguousarray(array)
    zero = labels.dtype.type(zero)  # so that each dtype compiles once
    shape, parts = labels.shape, thread_count(labels.size, _LEAST_VOXELS)
    lines = (-1, shape[-1])
    run_in_parts(_first_pass, parts, labels.reshape(lines), zero, spacing[-1], edge_is_border, squared.reshape(lines))
    for axis in reversed(range(labels.ndim - 1)):
        layers = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
        weight = spacing[axis] ** 2
        run_in_parts(
            _further_pass, parts, labels.reshape(layers), zero, weight, edge_is_border, squared.reshape(layers)
        )
    return np.sqrt(squared, out=squared)


@kernel
def _first_pass(part, parts, labels, zero, spacing, edge_is_border, squared):  # type: ignore[no-untyped-def]
    """Squared distances along the last axis of ``labels`` (lines, voxels) into ``squared``."""
    lines, voxels = labels.shape
    for line in range(lines * part // parts, lines * (part + 1) // parts):
        start = 0
        while start < voxels:
            label = labels[line, start]
            end = start + 1
            while end < voxels and labels[line, end] == label:
                end += 1
            for i in range(start, end):
                nearest = 0.0 if label == zero else np.inf
                if start > 0 or edge_is_border:
                    nearest = min(nearest, (i - start + 1) * spacing)
                if end < voxels or edge_is_border:
                    nearest = min(nearest, (end - i) * spacing)
                squared[line, i] = nearest * nearest
            start = end


@kernel
def _further_pass(part, parts, labels, zero, weight, edge_is_border, squared):  # type: ignore[no-untyped-def]
    """Add the middle axis of (outer, voxels, inner) to ``squared``, in place; ``weight`` is its spacing squared."""
    outer, voxels, inner = labels.shape
    blocks = (inner + _LINES - 1) // _LINES
    line_labels, line_squared = np.empty((_LINES, voxels), labels.dtype), np.empty((_LINES, voxels))
    apex, height, begin = np.empty(voxels + 2, np.int64), np.empty(voxels + 2), np.empty(voxels + 2)
    tasks = outer * blocks
    for task in range(tasks * part // parts, tasks * (part + 1) // parts):
        layer, first = task // blocks, (task % blocks) * _LINES
        lines = min(_LINES, inner - first)
        for i in range(voxels):
            for line in range(lines):
                line_labels[line, i] = labels[layer, i, first + line]
                line_squared[line, i] = squared[layer, i, first + line]
        for line in range(lines):
            names, values = line_labels[line], line_squared[line]
            start = np.int64(0)
            while start < voxels:
                end = start + 1
                while end < voxels and names[end] == names[start]:
                    end += 1
                if names[start] != zero:
                    before, after = start > 0 or edge_is_border, end < voxels or edge_is_border
                    _lower_envelope(values, start, end, before, after, weight, apex, height, begin)
                start = end
        for i in range(voxels):
            for line in range(lines):
                squared[layer, i, first + line] = line_squared[line, i]


@kernel
def _lower_envelope(squared, start, end, before, after, weight, apex, height, begin):  # type: ignore[no-untyped-def]
    """Replace ``squared[start:end]`` by the lower envelope of its parabolas and those of the run's borders."""
    count = 0
    for i in range(start - before, end + after):
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
