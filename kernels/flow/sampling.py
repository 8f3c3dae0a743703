"""Sampling an image where a flow points to."""

from __future__ import annotations

import numpy as np

from maskwright.kernels.threads import kernel


@kernel
def locate(position, size):  # type: ignore[no-untyped-def]
    """Return the pixel before a position along one axis, and how far behind it the position is, within the image."""
    inside = min(max(position, np.float32(0)), np.float32(size - 1))
    before = min(int(inside), max(size - 2, 0))
    return before, inside - np.float32(before)


@kernel
def warp_plane(image, flow, warped):  # type: ignore[no-untyped-def]
    """Write ``image`` at ``p + flow(p)`` to ``warped``, linear between pixels; outside, the nearest edge pixel."""
    height, width = image.shape
    for y in range(flow.shape[1]):
        for x in range(flow.shape[2]):
            top, down = locate(np.float32(y) + flow[0, y, x], height)
            left, right = locate(np.float32(x) + flow[1, y, x], width)
            bottom, end = min(top + 1, height - 1), min(left + 1, width - 1)
            upper = image[top, left] + right * (image[top, end] - image[top, left])
            lower = image[bottom, left] + right * (image[bottom, end] - image[bottom, left])
            warped[y, x] = upper + down * (lower - upper)
