"""Optical flow of total variation and absolute differences, by duality (Zach, Pock and Bischof, DAGM 2007).

Looked for is the flow with the smallest sum of ``attachment * |second(p + flow) - first(p)|`` and the flow's total
variation. From coarse to fine, the second image is warped a few times and linearised; then two steps alternate: the
pixelwise solution of the absolute difference, and one step of Chambolle's projection for the total variation.
``tests/reference/flow.py`` is the same iteration in plain numpy.
"""

from __future__ import annotations

import numpy as np

from maskwright.kernels.flow.pyramid import downsample, upsample
from maskwright.kernels.flow.sampling import warp_plane
from maskwright.kernels.threads import kernel

# How closely the two halves of the split energy are tied, and the step of the projection, both as in the paper.
_TIE = np.float32(0.3)
_STEP = np.float32(0.25)
# The coarsest image has at least this many pixels along its shorter side.
_SMALLEST = 12


@kernel
def flow_of_pair(first, second, attachment, scales, warps, iterations, result):  # type: ignore[no-untyped-def]
    """Write the flow (2, y, x), float32, from ``first`` to ``second`` to ``result``."""
    firsts, seconds = [first], [second]
    while len(firsts) < scales and min(firsts[-1].shape) >= 2 * _SMALLEST:
        firsts.append(downsample(firsts[-1]))
        seconds.append(downsample(seconds[-1]))
    flow = np.zeros((2, firsts[-1].shape[0], firsts[-1].shape[1]), np.float32)
    for scale in range(len(firsts) - 1, -1, -1):
        if scale < len(firsts) - 1:
            flow = upsample(flow, firsts[scale].shape[0], firsts[scale].shape[1])
        _refine(firsts[scale], seconds[scale], flow, attachment, warps, iterations)
    for axis in range(2):
        for y in range(result.shape[1]):
            for x in range(result.shape[2]):
                result[axis, y, x] = flow[axis, y, x]


@kernel
def _refine(first, second, flow, attachment, warps, iterations):  # type: ignore[no-untyped-def]
    """Improve ``flow`` in place at one scale."""
    height, width = first.shape
    slope = np.empty((2, height, width), np.float32)
    _slopes(second, slope)
    warped = np.empty((height, width), np.float32)
    warped_slope = np.empty((2, height, width), np.float32)
    rest = np.empty((height, width), np.float32)
    inverse = np.empty((height, width), np.float32)
    # The dual field of each component along each axis; its first row and column are zeros outside the image.
    dual = np.zeros((4, height + 1, width + 1), np.float32)
    for _ in range(warps):
        warp_plane(second, flow, warped)
        for axis in range(2):
            warp_plane(slope[axis], flow, warped_slope[axis])
        for y in range(height):
            for x in range(width):
                down, right = warped_slope[0, y, x], warped_slope[1, y, x]
                rest[y, x] = warped[y, x] - first[y, x] - down * flow[0, y, x] - right * flow[1, y, x]
                inverse[y, x] = np.float32(1) / (down * down + right * right + np.float32(1e-9))
        for _ in range(iterations):
            _attach(rest, warped_slope, inverse, dual, attachment * _TIE, flow)
            _project(flow, dual)


@kernel
def _slopes(image, slope):  # type: ignore[no-untyped-def]
    """Write central differences along y and x to ``slope``; one-sided halves of them at the edge."""
    height, width = image.shape
    for y in range(height):
        for x in range(width):
            above, below = image[max(y - 1, 0), x], image[min(y + 1, height - 1), x]
            left, right = image[y, max(x - 1, 0)], image[y, min(x + 1, width - 1)]
            slope[0, y, x] = np.float32(0.5) * (below - above)
            slope[1, y, x] = np.float32(0.5) * (right - left)


@kernel
def _attach(rest, slope, inverse, dual, limit, flow):  # type: ignore[no-untyped-def]
    """Move each displacement along the slope to where the difference is 0, but no further than ``limit`` slopes."""
    height, width = rest.shape
    for y in range(height):
        for x in range(width):
            down, right = slope[0, y, x], slope[1, y, x]
            difference = rest[y, x] + down * flow[0, y, x] + right * flow[1, y, x]
            move = min(max(-difference * inverse[y, x], -limit), limit)
            spread_y = dual[0, y + 1, x + 1] - dual[0, y, x + 1] + dual[1, y + 1, x + 1] - dual[1, y + 1, x]
            spread_x = dual[2, y + 1, x + 1] - dual[2, y, x + 1] + dual[3, y + 1, x + 1] - dual[3, y + 1, x]
            flow[0, y, x] += move * down + _TIE * spread_y
            flow[1, y, x] += move * right + _TIE * spread_x


@kernel
def _project(flow, dual):  # type: ignore[no-untyped-def]
    """One step of the dual field up the gradient of the flow, shortened to at most 1."""
    height, width = flow.shape[1:]
    pace = _STEP / _TIE
    for component in range(2):
        plane = flow[component]
        for y in range(height):
            below = min(y + 1, height - 1)
            for x in range(width - 1):
                down = plane[below, x] - plane[y, x]
                right = plane[y, x + 1] - plane[y, x]
                shrink = np.float32(1) / (np.float32(1) + pace * np.sqrt(down * down + right * right))
                dual[2 * component, y + 1, x + 1] = (dual[2 * component, y + 1, x + 1] + pace * down) * shrink
                dual[2 * component + 1, y + 1, x + 1] = (dual[2 * component + 1, y + 1, x + 1] + pace * right) * shrink
            down = plane[below, width - 1] - plane[y, width - 1]
            shrink = np.float32(1) / (np.float32(1) + pace * np.abs(down))
            dual[2 * component, y + 1, width] = (dual[2 * component, y + 1, width] + pace * down) * shrink
