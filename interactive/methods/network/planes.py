"""The extent of an object in a volume by a two-dimensional method: in the three planes through the prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from maskwright.interactive.methods.regions.level_set import ExtentPrior
from maskwright.interactive.methods.task import Task
from maskwright.kernels.mask import Mask

T = TypeVar("T")


def extent_in_planes(task: Task, segment: Callable[[Task], Mask]) -> ExtentPrior:
    """Return the extent of an object in the planes through the middle of its newest prompt.

    Parameters
    ----------
    task
        A volume.
    segment
        From a two-dimensional task, which has a positive prompt or a box, to the object's mask.

    Returns
    -------
    A prior that is valid only in those of the three planes that hold a positive prompt or meet the box.
    """
    inside, valid = np.zeros(task.positive.shape, np.bool_), np.zeros(task.positive.shape, np.bool_)
    centre = _middle(task.newest)
    for axis in range(3):
        plane = _plane_task(task, axis, centre[axis])
        if plane.positive.any() or plane.box is not None:
            index = (slice(None),) * axis + (centre[axis],)
            inside[index] |= segment(plane)
            valid[index] = True
    return ExtentPrior(inside, valid)


def _middle(newest: Mask) -> tuple[int, ...]:
    """Return the voxel of the newest prompt in the middle of its list; the middle of the volume if it is not in it."""
    points = np.flatnonzero(newest)
    flat = points[len(points) // 2] if len(points) else newest.size // 2
    return tuple(int(i) for i in np.unravel_index(flat, newest.shape))


def _plane_task(task: Task, axis: int, number: int) -> Task:
    """Return the task in one plane."""

    def cut(mask: Mask) -> Mask:
        return np.ascontiguousarray(mask.take(number, axis))

    box = task.box
    if box is not None and not box[0][axis] <= number < box[1][axis]:
        box = None
    return replace(
        task,
        image=np.ascontiguousarray(task.image.take(number, axis)),
        spacing_mm=_without(task.spacing_mm, axis),
        positive=cut(task.positive),
        negative=cut(task.negative),
        newest=cut(task.newest),
        previous=None if task.previous is None else cut(task.previous),
        box=None if box is None else (_without(box[0], axis), _without(box[1], axis)),
    )


def _without(values: tuple[T, ...], axis: int) -> tuple[T, ...]:
    return values[:axis] + values[axis + 1 :]
