"""A task at half its resolution: there the extent of a large object is found, and its border at full resolution."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.regions.level_set import ExtentPrior
from maskwright.interactive.methods.task import Task
from maskwright.kernels.mask import Mask

# Axes whose spacing is below so many times the finest are halved: voxels become rounder, not flatter.
FINE = 2.0
# A window of more voxels is segmented at half the resolution: an edit should feel immediate.
LARGE = {2: 100_000, 3: 150_000}


def is_large(mask: Mask) -> bool:
    """Return whether a window of this size is segmented at half the resolution."""
    return mask.size > LARGE[mask.ndim]


@dataclass(frozen=True)
class Downsampling:
    """The voxels an axis of a cell (1 or 2), and the shape at full resolution."""

    factors: tuple[int, ...]
    shape: tuple[int, ...]

    @staticmethod
    def of(task: Task) -> Downsampling:
        """Return the downsampling of a task's crop."""
        finest = min(task.spacing_mm)
        return Downsampling(tuple(2 if step < FINE * finest else 1 for step in task.spacing_mm), task.positive.shape)

    def mean(self, array: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the mean of each cell; an odd end counts twice. A last axis of channels stays."""
        values = array.astype(np.float32, copy=False)
        for axis, factor in enumerate(self.factors):
            if factor == 2:
                values = np.moveaxis(values, axis, 0)
                if len(values) % 2:
                    values = np.concatenate([values, values[-1:]])
                values = np.moveaxis((values[0::2] + values[1::2]) * np.float32(0.5), 0, axis)
        return np.ascontiguousarray(values)

    def majority(self, mask: Mask) -> Mask:
        """Return the cells that a mask holds by half or more."""
        return self.mean(mask) >= 0.5

    def any(self, mask: Mask) -> Mask:
        """Return the cells in which a mask holds a voxel."""
        return self.mean(mask) > 0

    def upsample(self, cells: Mask) -> Mask:
        """Return the voxels of some cells."""
        for axis, factor in enumerate(self.factors):
            if factor == 2:
                cells = cells.repeat(2, axis)
        return cells[tuple(slice(0, n) for n in self.shape)]

    def task(self, task: Task) -> Task:
        """Return the task on the cells. A cell with prompts of both senses has that of the newest."""
        positive, negative = self.any(task.positive), self.any(task.negative)
        loser = negative if task.newest_positive else positive
        loser &= ~(positive & negative)
        return replace(
            task,
            image=self.mean(task.image),
            spacing_mm=tuple(step * factor for step, factor in zip(task.spacing_mm, self.factors)),
            positive=positive,
            negative=negative,
            box=None if task.box is None else (self._floor(task.box[0]), self._ceil(task.box[1])),
            previous=None if task.previous is None else self.majority(task.previous),
            newest=self.any(task.newest),
        )

    def extent(self, extent: ExtentPrior) -> ExtentPrior:
        """Return an extent prior on the cells."""
        return ExtentPrior(self.majority(extent.inside), self.any(extent.valid))

    def _floor(self, index: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(i // factor for i, factor in zip(index, self.factors))

    def _ceil(self, index: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(-(-i // factor) for i, factor in zip(index, self.factors))
