"""The part of an image that a search can reach, laid out flat with a rim that no path enters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = tuple[NDArray[np.int64], ...]

# Distance of the rim: nothing is shorter, so no path goes on there, and no voxel must know where the image ends.
_RIM = -1.0


@dataclass(frozen=True, eq=False)
class Grid:
    """Voxels by flat index, rim included.

    ``channels`` is float32[channel, voxel] and ``shape`` that of the padded box; ``seeds`` are flat indices,
    ``offsets`` the neighbours of a voxel relative to its own, ``squared_steps`` their squared distances in mm.
    """

    channels: NDArray[np.float32]
    shape: tuple[int, ...]
    seeds: NDArray[np.int64]
    offsets: NDArray[np.int64]
    squared_steps: NDArray[np.float64]

    @property
    def inner(self) -> tuple[slice, ...]:
        """The voxels that are not rim."""
        return (slice(1, -1),) * len(self.shape)

    def start(self, unreached: float) -> NDArray[np.float64]:
        """Return distances of the padded shape before the search: ``unreached``, 0 on seeds, and the rim's."""
        distances = np.full(self.shape, _RIM)
        distances[self.inner] = unreached
        distances.reshape(-1)[self.seeds] = 0.0
        return distances


def bounds(indices: Indices, shape: tuple[int, ...], spacing: tuple[float, ...], limit: float) -> tuple[slice, ...]:
    """Return the box that paths from ``indices`` cannot leave within ``limit``: a step costs its mm at least."""
    box = []
    for at, size, step in zip(indices, shape, spacing, strict=True):
        steps = int(min(limit / step, size)) + 1  # one more, lest the division was rounded down
        box.append(slice(max(int(at.min()) - steps, 0), min(int(at.max()) + steps + 1, size)))
    return tuple(box)


def lay_out(image: NDArray[np.float32], indices: Indices, box: tuple[slice, ...], spacing: tuple[float, ...]) -> Grid:
    """Copy the box of ``image``, which may have a last axis of channels, and number what is in it."""
    part = image[box]
    channels = np.moveaxis(part, -1, 0) if part.ndim > len(box) else part[None]
    padded = np.zeros((channels.shape[0], *(size + 2 for size in channels.shape[1:])), np.float32)
    shape = padded.shape[1:]
    padded[(slice(None), *(slice(1, -1),) * len(shape))] = channels
    inside = tuple(at - part.start + 1 for at, part in zip(indices, box, strict=True))
    seeds = np.ravel_multi_index(inside, shape)
    steps = np.array([step for step in np.ndindex(*(3,) * len(shape)) if set(step) != {1}]) - 1
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    squared_steps = ((steps * np.array(spacing)) ** 2).sum(axis=1)
    return Grid(padded.reshape(padded.shape[0], -1), shape, seeds, steps @ np.array(strides), squared_steps)
