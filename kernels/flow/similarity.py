"""The similarity of pixels to the inside and the outside of a shape, around the pixels that a flow points to."""

from __future__ import annotations

import numpy as np

from maskwright.kernels.threads import kernel


@kernel
def add_similarity(features, given_features, depth, flow, wanted, weight, radius, deviation, contrast, sums):  # type: ignore[no-untyped-def]
    """Add the evidence of one given plane to ``sums``; see the family's docstring."""
    channels, height, width = features.shape
    nearness = np.empty((2 * radius + 1, 2 * radius + 1), np.float32)
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            square = np.float32(down * down + right * right)
            nearness[down + radius, right + radius] = weight * np.exp(-square / (np.float32(2) * deviation * deviation))
    fade = np.float32(0.5) / (contrast * contrast)
    for y in range(height):
        for x in range(width):
            if not wanted[y, x]:
                continue
            middle_y, middle_x = round(y + flow[0, y, x]), round(x + flow[1, y, x])
            for given_y in range(max(middle_y - radius, 0), min(middle_y + radius + 1, height)):
                for given_x in range(max(middle_x - radius, 0), min(middle_x + radius + 1, width)):
                    unlike = np.float32(0)
                    for channel in range(channels):
                        difference = features[channel, y, x] - given_features[channel, given_y, given_x]
                        unlike += difference * difference
                    counts = nearness[given_y - middle_y + radius, given_x - middle_x + radius]
                    alike = counts * np.exp(-fade * unlike)
                    inside = min(max(depth[given_y, given_x] + np.float32(0.5), np.float32(0)), np.float32(1))
                    sums[0, y, x] += alike * inside
                    sums[1, y, x] += counts * inside
                    sums[2, y, x] += alike * (np.float32(1) - inside)
                    sums[3, y, x] += counts * (np.float32(1) - inside)
