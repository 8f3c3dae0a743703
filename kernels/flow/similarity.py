"""Whether a pixel looks more like the inside or the outside of a shape, as seen around the place a flow points to."""

from __future__ import annotations

import numpy as np

from maskwright.kernels.threads import kernel


@kernel
def add_similarity(looks, given_looks, depth, flow, wanted, weight, radius, reach, contrast, sums):  # type: ignore[no-untyped-def]
    """Add what one given plane says to ``sums`` (4, y, x): alike inside, all inside, alike outside, all outside.

    Each wanted pixel looks at the square of given pixels around the place its flow points to. A given pixel counts by
    how near it is to that place (a Gaussian of deviation ``reach`` pixels), and as alike by how near its looks are (a
    Gaussian of deviation ``contrast`` over all channels). It is inside by ``depth + 1/2``, cut at 0 and 1.

    Parameters
    ----------
    looks, given_looks : float32 (channels, y, x)
    depth : float32 (y, x), signed distance in pixels on the given plane, positive inside
    flow : float32 (2, y, x), from this plane to the given one
    wanted : bool (y, x)
    """
    channels, height, width = looks.shape
    nearness = np.empty((2 * radius + 1, 2 * radius + 1), np.float32)
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            square = np.float32(down * down + right * right)
            nearness[down + radius, right + radius] = weight * np.exp(-square / (np.float32(2) * reach * reach))
    fade = np.float32(0.5) / (contrast * contrast)
    for y in range(height):
        for x in range(width):
            if not wanted[y, x]:
                continue
            middle_y, middle_x = round(y + flow[0, y, x]), round(x + flow[1, y, x])
            for there_y in range(max(middle_y - radius, 0), min(middle_y + radius + 1, height)):
                for there_x in range(max(middle_x - radius, 0), min(middle_x + radius + 1, width)):
                    unlike = np.float32(0)
                    for channel in range(channels):
                        difference = looks[channel, y, x] - given_looks[channel, there_y, there_x]
                        unlike += difference * difference
                    counts = nearness[there_y - middle_y + radius, there_x - middle_x + radius]
                    alike = counts * np.exp(-fade * unlike)
                    inside = min(max(depth[there_y, there_x] + np.float32(0.5), np.float32(0)), np.float32(1))
                    sums[0, y, x] += alike * inside
                    sums[1, y, x] += counts * inside
                    sums[2, y, x] += alike * (np.float32(1) - inside)
                    sums[3, y, x] += counts * (np.float32(1) - inside)
