"""A frame: the grid of a network laid over a crop of an image, resampled there and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

PROMPT_RADIUS = 3.0
"""A prompt is drawn as exp(-(distance / PROMPT_RADIUS)**2), in cells of the frame; as in training."""

_FARTHEST = 11  # cells
_CACHED = 64  # the wide frame is the same at each click


@dataclass(frozen=True)
class Frame:
    """A cube of `side` cells an axis over an array of `shape`.

    `lower` is where it begins, in voxels (0 is the outer side of the first voxel), `step` the size of a cell in
    voxels; both have one value an axis. A frame may reach over the array's border.
    """

    shape: tuple[int, ...]
    lower: tuple[float, ...]
    step: tuple[float, ...]
    side: int

    @staticmethod
    def around(
        lower: tuple[float, ...],
        upper: tuple[float, ...],
        shape: tuple[int, ...],
        spacing_mm: tuple[float, ...],
        side: int,
    ) -> Frame:
        """Return the frame of cube-shaped cells (in mm) that holds a box, with the box in its middle."""
        extent_mm = max((hi - lo) * mm for lo, hi, mm in zip(lower, upper, spacing_mm))
        step = tuple(extent_mm / side / mm for mm in spacing_mm)
        middle = [(lo + hi) / 2 for lo, hi in zip(lower, upper)]
        return Frame(shape, tuple(m - s * side / 2 for m, s in zip(middle, step)), step, side)

    def resample(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the image on the frame: averaged where cells are larger than voxels, linear between voxels where
        they are smaller, zero outside.
        """
        return _along_axes(image, [_weights(*axis) for axis in self._axes()])

    def resample_back(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the frame's values at every voxel of the array, linear between cells, the nearest outside."""
        return _along_axes(values, [_weights_back(*axis) for axis in self._axes()])

    def _axes(self) -> list[tuple[float, float, int, int]]:
        return [(lo, step, self.side, n) for lo, step, n in zip(self.lower, self.step, self.shape)]

    def inside(self) -> tuple[slice, ...]:
        """Return the part of the array whose voxels lie in the frame."""
        ends = [lo + s * self.side for lo, s in zip(self.lower, self.step)]
        return tuple(
            slice(max(0, int(np.ceil(lo - 0.5))), max(0, min(n, int(np.floor(hi + 0.5)))))
            for lo, hi, n in zip(self.lower, ends, self.shape)
        )

    def mark(self, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return prompted voxels as a channel: 1 where they are, falling off within a few cells."""
        drawn = np.zeros((self.side,) * len(self.shape), bool)
        points = np.argwhere(mask[self.inside()]) + [s.start for s in self.inside()]
        if not len(points):
            return drawn.astype(np.float32)
        cells = np.floor((points + 0.5 - self.lower) / self.step).astype(np.intp)
        drawn[tuple(np.clip(cells, 0, self.side - 1).T)] = True
        return _spread(drawn)

    def box(self, lower: tuple[int, ...], upper: tuple[int, ...]) -> NDArray[np.float32]:
        """Return a box as a channel: 1 in the cells whose middle it holds, or in one along an axis where it is thin."""
        channel = np.zeros((self.side,) * len(self.shape), np.float32)
        cells = []
        for a, b, lo, step in zip(lower, upper, self.lower, self.step):
            first, last = round((a - lo) / step), round((b - lo) / step)
            if last <= first:
                first = math.floor(((a + b) / 2 - lo) / step)
                last = first + 1
            cells.append(slice(min(max(first, 0), self.side), min(max(last, 0), self.side)))
        channel[tuple(cells)] = 1
        return channel


@lru_cache(_CACHED)
def _weights(lower: float, step: float, side: int, length: int) -> sparse.csr_array:
    """Return the weight of each voxel in each cell along an axis, (side, length)."""
    middle = lower + step * (np.arange(side) + 0.5)
    voxel = np.arange(length) + 0.5
    weight = np.maximum(0, 1 - np.abs(middle[:, None] - voxel[None]) / max(1.0, step))
    total = weight.sum(1, keepdims=True)
    return sparse.csr_array((weight / np.where(total > 0, total, 1)).astype(np.float32))


@lru_cache(_CACHED)
def _weights_back(lower: float, step: float, side: int, length: int) -> sparse.csr_array:
    """Return the weight of each cell in each voxel along an axis, (length, side)."""
    voxel = np.arange(length) + 0.5
    cell = np.clip((voxel - lower) / step - 0.5, 0, side - 1)
    weight = np.maximum(0, 1 - np.abs(cell[:, None] - np.arange(side)[None]))
    return sparse.csr_array(weight.astype(np.float32))


def _spread(drawn: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return exp(-(distance / PROMPT_RADIUS)**2) to the nearest marked cell, by axis: squared distances add up."""
    log = np.where(drawn, np.float32(0), np.float32(-np.inf))
    for axis in range(drawn.ndim):
        line = np.moveaxis(log, axis, 0)
        nearest = line.copy()
        for k in range(1, min(_FARTHEST, drawn.shape[axis] - 1) + 1):
            fall = np.float32((k / PROMPT_RADIUS) ** 2)
            np.maximum(nearest[k:], line[:-k] - fall, out=nearest[k:])
            np.maximum(nearest[:-k], line[k:] - fall, out=nearest[:-k])
        log = np.moveaxis(nearest, 0, axis)
    return np.exp(log)


def _along_axes(values: NDArray[np.float32], weights: list[sparse.csr_array]) -> NDArray[np.float32]:
    """Multiply each axis by its own matrix, those that shrink most first. Sparse, so that no threads are started."""
    for axis in sorted(range(values.ndim), key=lambda a: weights[a].shape[0] / weights[a].shape[1]):
        front = np.moveaxis(values, axis, 0)
        product = weights[axis] @ front.reshape(front.shape[0], -1)
        values = np.moveaxis(product.reshape(-1, *front.shape[1:]), 0, axis)
    return np.ascontiguousarray(values, dtype=np.float32)
