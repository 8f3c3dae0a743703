"""TV-L1 flow, pyramid and warping in plain numpy, float32 step by step."""

import numpy as np

TIE, STEP, SMALLEST = np.float32(0.3), np.float32(0.25), 12


def warp(image, flow):
    """Linear samples of ``image`` at p + flow(p), the position held inside the image."""
    height, width = image.shape
    y, x = np.indices(flow.shape[1:], np.float32)
    y, x = np.clip(y + flow[0], 0, height - 1), np.clip(x + flow[1], 0, width - 1)
    top, left = np.minimum(y.astype(int), max(height - 2, 0)), np.minimum(x.astype(int), max(width - 2, 0))
    bottom, end = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, right = y - top.astype(np.float32), x - left.astype(np.float32)
    upper = image[top, left] + right * (image[top, end] - image[top, left])
    lower = image[bottom, left] + right * (image[bottom, end] - image[bottom, left])
    return upper + down * (lower - upper)


def halve(image):
    """Smooth by (1, 4, 6, 4, 1) / 16 along both axes and take every second pixel."""
    for axis in (1, 0):
        padded = np.pad(image, [(2, 2) if a == axis else (0, 0) for a in range(2)], mode="edge")
        parts = [np.take(padded, range(k, k + image.shape[axis]), axis) for k in range(5)]
        image = sum(w * part for w, part in zip(np.float32([1, 4, 6, 4, 1]) / 16, parts))
        image = np.take(image, range(0, image.shape[axis], 2), axis)
    return image


def double(flow, shape):
    """Linear at twice the size, displacements doubled."""
    positions = np.indices(shape, np.float32) / 2
    there = positions - np.indices(shape, np.float32)
    return np.stack([2 * warp(plane, there) for plane in flow])


def slopes(image):
    padded = np.pad(image, 1, mode="edge")
    return np.stack([padded[2:, 1:-1] - padded[:-2, 1:-1], padded[1:-1, 2:] - padded[1:-1, :-2]]) / 2


def forward(plane):
    """Differences to the next pixel along y and x, 0 at the end."""
    return np.stack([np.diff(plane, axis=0, append=plane[-1:]), np.diff(plane, axis=1, append=plane[:, -1:])])


def divergence(dual):
    """Differences to the pixel before, which is 0 before the first."""
    return np.diff(dual[0], axis=0, prepend=0) + np.diff(dual[1], axis=1, prepend=0)


def refine(first, second, flow, attachment, warps, iterations):
    limit = np.float32(attachment) * TIE
    dual = np.zeros((2, *flow.shape), np.float32)
    for _ in range(warps):
        slope = np.stack([warp(plane, flow) for plane in slopes(second)])
        rest = warp(second, flow) - first - (slope * flow).sum(0)
        steep = (slope**2).sum(0) + np.float32(1e-9)
        for _ in range(iterations):
            move = np.clip(-(rest + (slope * flow).sum(0)) / steep, -limit, limit)
            flow = flow + move * slope + TIE * np.stack([divergence(d) for d in dual])
            for component in range(2):
                up = forward(flow[component]) * (STEP / TIE)
                dual[component] = (dual[component] + up) / (1 + np.sqrt((up**2).sum(0)))
    return flow


def optical_flow(first, second, attachment, scales, warps, iterations):
    firsts, seconds = [first], [second]
    while len(firsts) < scales and min(firsts[-1].shape) >= 2 * SMALLEST:
        firsts.append(halve(firsts[-1]))
        seconds.append(halve(seconds[-1]))
    flow = np.zeros((2, *firsts[-1].shape), np.float32)
    for first, second in zip(firsts[::-1], seconds[::-1]):
        if flow.shape[1:] != first.shape:
            flow = double(flow, first.shape)
        flow = refine(first, second, flow, attachment, warps, iterations)
    return flow


def smooth(image, rounds):
    """Smooth by (1, 2, 1) / 4 along both axes, the edge pixels repeated."""
    for _ in range(rounds):
        for axis in (1, 0):
            padded = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(2)], mode="edge")
            before, here, after = (np.take(padded, range(k, k + image.shape[axis]), axis) for k in range(3))
            image = (before + 2 * here + after) / np.float32(4)
    return image


def similarity(looks, given_looks, depth, flow, wanted, weight, radius, reach, contrast):
    """Sums over the given pixels around each place: alike inside, all inside, alike outside, all outside."""
    sums = np.zeros((4, *depth.shape))
    for y, x in zip(*np.nonzero(wanted)):
        middle = (round(float(y + flow[0, y, x])), round(float(x + flow[1, y, x])))
        for there in np.ndindex(depth.shape):
            offset = np.subtract(there, middle)
            if np.abs(offset).max() > radius:
                continue
            counts = weight * np.exp(-(offset**2).sum() / (2 * reach**2))
            unlike = ((looks[:, y, x] - given_looks[(slice(None), *there)]) ** 2).sum()
            alike = counts * np.exp(-unlike / (2 * contrast**2))
            inside = np.clip(depth[there] + 0.5, 0, 1)
            sums[:, y, x] += alike * inside, counts * inside, alike * (1 - inside), counts * (1 - inside)
    return sums
