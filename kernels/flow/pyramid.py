"""Images at half size, flows at upsample size: the scales of the optical flow."""

from __future__ import annotations

import numpy as np

from maskwright.kernels.threads import kernel


@kernel
def downsample(image):  # type: ignore[no-untyped-def]
    """Return a float32 image of half the size, rounded up: (1, 4, 6, 4, 1) / 16 along each axis, every second pixel.

    The image is continued by its edge pixels.
    """
    height, width = image.shape
    narrow = np.empty((height, (width + 1) // 2), np.float32)
    for y in range(height):
        row = image[y]
        for x in range(narrow.shape[1]):
            middle = 2 * x
            near = row[max(middle - 1, 0)] + row[min(middle + 1, width - 1)]
            far = row[max(middle - 2, 0)] + row[min(middle + 2, width - 1)]
            narrow[y, x] = (np.float32(6) * row[middle] + np.float32(4) * near + far) * np.float32(0.0625)
    small = np.empty(((height + 1) // 2, narrow.shape[1]), np.float32)
    for y in range(small.shape[0]):
        middle = 2 * y
        above, below = max(middle - 1, 0), min(middle + 1, height - 1)
        top, bottom = max(middle - 2, 0), min(middle + 2, height - 1)
        for x in range(small.shape[1]):
            near = narrow[above, x] + narrow[below, x]
            far = narrow[top, x] + narrow[bottom, x]
            small[y, x] = (np.float32(6) * narrow[middle, x] + np.float32(4) * near + far) * np.float32(0.0625)
    return small


@kernel
def upsample(flow, height, width):  # type: ignore[no-untyped-def]
    """Return a flow for an image of about twice the size: linear between pixels, displacements twice as long."""
    large = np.empty((2, height, width), np.float32)
    for y in range(height):
        above = min(y // 2, flow.shape[1] - 1)
        below = min(above + y % 2, flow.shape[1] - 1)
        for x in range(width):
            left = min(x // 2, flow.shape[2] - 1)
            right = min(left + x % 2, flow.shape[2] - 1)
            for axis in range(2):
                plane = flow[axis]
                # The mean of four equals the mean of two, or the pixel itself, where they are the same pixel.
                upper = plane[above, left] + plane[above, right]
                lower = plane[below, left] + plane[below, right]
                large[axis, y, x] = np.float32(0.5) * (upper + lower)
    return large
