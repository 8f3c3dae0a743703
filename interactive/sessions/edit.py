"""From an object's prompts to the mask it is to have: what a method is asked, and what of its answer is taken over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.method import Method, Task
from maskwright.interactive.region import Region, first_region, grown
from maskwright.interactive.sessions.constraints import held, keep_local
from maskwright.interactive.sessions.history import History
from maskwright.interactive.sessions.image import Picture
from maskwright.interactive.sessions.objects import Objects
from maskwright.interactive.sessions.prompts import Box, Drawn, said

Mask = NDArray[np.bool_]


def propose(
    picture: Picture, method: Method, objects: Objects, history: History, newest: Drawn | Box
) -> tuple[Region, Mask]:
    """Return a region and the mask the active object is to have there after a new prompt.

    The region grows as long as the method's mask reaches its border. Of the answer, only what belongs to the new
    prompt is taken over; prompted voxels are what was said of them; voxels that are locked, or prompted inside another
    object, are left to it unless `newest` says of them that they are inside. Nothing is changed.
    """
    prompts = [*history.prompts_of(objects.active), newest]
    known = [prompt.region for prompt in prompts]
    reach = history.reach(objects.active)
    region = first_region(newest.region, known if reach is None else [*known, reach], picture.shape)
    while True:
        task = _task(picture, objects, prompts, region, history.count_of(objects.active) + 1)
        mask = method.segment(task)
        larger = grown(region, mask, picture.shape)
        if larger is None:
            break
        region = larger
    inside_now, _ = said([newest], region)
    mask = held(mask, task.positive, task.negative) & _free(objects, history, region, inside_now)
    if reach is not None:
        # Last, so that changes do not hang together through voxels that do not change. Also where nothing is left of
        # the object here: it is not grown again from earlier prompts.
        previous = np.zeros(region.shape, bool) if task.previous is None else task.previous
        mask = keep_local(previous, mask, task.latest)
    return region, mask


def _task(picture: Picture, objects: Objects, prompts: Sequence[Drawn | Box], region: Region, count: int) -> Task:
    """What the method sees. Earlier prompted voxels that are another object's by now no longer count as inside."""
    newest = prompts[-1]
    latest = np.zeros(region.shape, bool)
    newest.paint(latest, region)
    positive, negative = said(prompts, region)
    inside_now, _ = said([newest], region)
    for _, mask in objects.others(region):
        positive &= ~mask | inside_now
    boxes = [prompt.region.common(region) for prompt in prompts if isinstance(prompt, Box)]
    previous = objects.masks[objects.active][region.slices]
    return Task(
        image=picture.crop(region),
        color=picture.color,
        intensity_range=picture.intensity_range,
        spacing_mm=picture.spacing_mm,
        positive=positive,
        negative=negative,
        box=_ends(_deepened(boxes[-1], picture.spacing_mm, region), region)
        if boxes and boxes[-1] is not None
        else None,
        previous=previous.copy() if previous.any() else None,
        latest=latest,
        latest_positive=isinstance(newest, Box) or newest.positive,
        prompt_count=count,
    )


def _deepened(box: Region, spacing_mm: tuple[float, ...], region: Region) -> Region:
    """Return a box that was drawn on one slice of a volume as deep as it is wide in the mean, within the region."""
    thin = [axis for axis, side in enumerate(box.shape) if side == 1]
    if box.shape.count(1) != 1 or len(box.shape) == 2:
        return box
    axis = thin[0]
    width_mm = sum(n * step for k, (n, step) in enumerate(zip(box.shape, spacing_mm)) if k != axis) / 2
    more = round((width_mm / spacing_mm[axis] - 1) / 2)
    lower, upper = list(box.lower), list(box.upper)
    lower[axis] = max(region.lower[axis], lower[axis] - max(0, more))
    upper[axis] = min(region.upper[axis], upper[axis] + max(0, more))
    return Region(tuple(lower), tuple(upper))


def _ends(box: Region, region: Region) -> tuple[tuple[int, ...], tuple[int, ...]]:
    inner = box.within(region)
    return tuple(s.start for s in inner), tuple(s.stop for s in inner)


def _free(objects: Objects, history: History, region: Region, inside_now: Mask) -> Mask:
    """Voxels the active object may have."""
    free = np.ones(region.shape, bool)
    for number, mask in objects.others(region):
        if number in objects.locked:
            free &= ~mask
        else:
            claimed, _ = said(history.prompts_of(number), region)
            free &= ~(claimed & mask) | inside_now
    return free
