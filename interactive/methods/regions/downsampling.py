"""A task at half its resolution: where much is looked at, the extent is found there, the border where it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.regions.level_set import Proposal
from maskwright.interactive.methods.task import Task

Mask = NDArray[np.bool_]

# Axes whose spacing is below so many times the finest are halved: voxels become rounder, not flatter.
FINE = 2.0


@dataclass(frozen=True)
class Halving:
    """How often each axis goes into a cell (1 or 2), and the shape that it came from."""

    factors: tuple[int, ...]
    shape: tuple[int, ...]

    @staticmethod
    def of(task: Task) -> Halving:
        """Return the halving of a task's region."""
        finest = min(task.spacing_mm)
        return Halving(tuple(2 if step < FINE * finest else 1 for step in task.spacing_mm), task.positive.shape)

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

    def most(self, mask: Mask) -> Mask:
        """Return the cells of which a mask holds at least half."""
        return self.mean(mask) >= 0.5

    def any(self, mask: Mask) -> Mask:
        """Return the cells of which a mask holds anything."""
        return self.mean(mask) > 0

    def back(self, cells: Mask) -> Mask:
        """Return the voxels of some cells."""
        for axis, factor in enumerate(self.factors):
            if factor == 2:
                cells = cells.repeat(2, axis)
        return cells[tuple(slice(0, n) for n in self.shape)]

    def task(self, task: Task) -> Task:
        """Return the task on the cells. A cell with prompts of both senses has that of the newest."""
        positive, negative = self.any(task.positive), self.any(task.negative)
        loser = negative if task.latest_positive else positive
        loser &= ~(positive & negative)
        return replace(
            task,
            image=self.mean(task.image),
            spacing_mm=tuple(step * factor for step, factor in zip(task.spacing_mm, self.factors)),
            positive=positive,
            negative=negative,
            box=None if task.box is None else (self._floor(task.box[0]), self._ceil(task.box[1])),
            previous=None if task.previous is None else self.most(task.previous),
            latest=self.any(task.latest),
        )

    def proposal(self, proposal: Proposal) -> Proposal:
        """Return the proposal on the cells."""
        return Proposal(self.most(proposal.inside), self.any(proposal.seen))

    def _floor(self, index: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(i // factor for i, factor in zip(index, self.factors))

    def _ceil(self, index: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(-(-i // factor) for i, factor in zip(index, self.factors))
