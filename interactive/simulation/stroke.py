"""A random stroke along the middle of a 2-D region, as a hand would draw it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, gaussian_filter1d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from maskwright.kernels.distance import distance_transform

# A path right at the border costs this many times what it costs in the middle.
_BORDER_COST = 10.0
# White noise of this size, smoothed by 4 pixels, has a standard deviation of 0.7.
_NOISE = 10.0
_SHARE_DRAWN = (0.4, 0.9)
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


def draw_stroke(region: NDArray[np.bool_], spacing_mm: tuple[float, ...], seed: int) -> NDArray[np.bool_]:
    """Return a stroke inside ``region`` (bool, (y, x), not empty), 1 to 3 pixels wide.

    The cheapest path from one far end to the other, where the middle is cheap and smooth noise bends it; a random part
    of it is smoothed and drawn.
    """
    rng = np.random.default_rng(seed)
    path = _long_path(region, spacing_mm, rng)
    length = max(1, round(len(path) * rng.uniform(*_SHARE_DRAWN)))
    start = int(rng.integers(0, len(path) - length + 1))
    smooth = gaussian_filter1d(path[start : start + length].astype(np.float64), 2.0, axis=0, mode="nearest")
    stroke = _draw_line(region.shape, smooth)
    width = int(rng.integers(0, 2))
    if width:
        stroke = binary_dilation(stroke, iterations=width)
    stroke &= region
    if not stroke.any():  # smoothing pushed a short stroke out of a thin region
        stroke[tuple(path[start])] = True
    return stroke


def _long_path(region: NDArray[np.bool_], spacing: tuple[float, ...], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the pixels (n, 2) of a path between two ends that are far apart."""
    pixels = np.argwhere(region)
    graph = _graph(region, spacing, rng)
    from_any = dijkstra(graph, indices=int(rng.integers(len(pixels))))
    end = int(np.argmax(np.where(np.isfinite(from_any), from_any, -1.0)))
    cost, before = dijkstra(graph, indices=end, return_predecessors=True)
    pixel = int(np.argmax(np.where(np.isfinite(cost), cost, -1.0)))
    path = []
    while pixel >= 0:
        path.append(pixel)
        pixel = int(before[pixel])
    return np.asarray(pixels[path])


def _graph(region: NDArray[np.bool_], spacing: tuple[float, ...], rng: np.random.Generator) -> coo_array:
    """Return the symmetric 8-neighbour graph of the region's pixels; a step costs more near the border."""
    depth = distance_transform(region, spacing, edge_is_border=True)
    noise = gaussian_filter(rng.normal(0, _NOISE, region.shape), 4.0)
    price = np.exp(noise) / (depth / depth.max() + 1.0 / _BORDER_COST)
    number = np.cumsum(region.reshape(-1)).reshape(region.shape) - 1
    rows, columns, costs = [], [], []
    for dy, dx in _STEPS:
        here = (slice(0, region.shape[0] - dy), slice(max(0, -dx), region.shape[1] - max(0, dx)))
        there = (slice(dy, None), slice(max(0, dx), region.shape[1] - max(0, -dx)))
        both = region[here] & region[there]
        rows.append(number[here][both])
        columns.append(number[there][both])
        costs.append(np.hypot(dy * spacing[0], dx * spacing[1]) * (price[here][both] + price[there][both]) / 2)
    row, column, cost = (np.concatenate(parts) for parts in (rows, columns, costs))
    size = int(number.max()) + 1
    return coo_array(
        (np.concatenate([cost, cost]), (np.concatenate([row, column]), np.concatenate([column, row]))), (size, size)
    ).tocsr()


def _draw_line(shape: tuple[int, ...], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Set the pixels under the polygon line through ``points`` (neighbours are about one pixel apart)."""
    drawn = np.zeros(shape, np.bool_)
    middle = (points[1:] + points[:-1]) / 2
    for y, x in np.rint(np.concatenate([points, middle])).astype(np.intp):
        drawn[y, x] = True
    return drawn
