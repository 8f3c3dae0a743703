"""One edit: the task for the method, and the part of its answer that the session takes over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maskwright.interactive.crop import Crop, enlarge, starting_crop, touches_border
from maskwright.interactive.image import Image
from maskwright.interactive.methods.method import Segmenter
from maskwright.interactive.methods.task import Task
from maskwright.interactive.sessions.constraints import apply_prompts, keep_local
from maskwright.interactive.sessions.history import History
from maskwright.interactive.sessions.objects import Objects
from maskwright.interactive.sessions.prompts import Box, Drawn, MaskPrompt, paint_prompts
from maskwright.kernels.mask import Mask


@dataclass(frozen=True, eq=False)
class Proposal:
    """A mask of the active object in a crop. ``is_cut`` tells whether the largest crop cuts its change."""

    crop: Crop
    mask: Mask
    is_cut: bool = False


def segment_prompt(
    image: Image, segmenter: Segmenter, objects: Objects, history: History, newest_prompt: Drawn | Box
) -> Proposal:
    """Return the mask of the active object after a new prompt; nothing is changed yet.

    The crop grows as long as the method's mask reaches its border. Only changes connected to the new prompt are
    taken over, and prompts hold. Voxels that are locked, or prompted inside another object, are left to it unless
    `newest_prompt` marks them as inside.
    """
    prompts = [*history.prompts_of(objects.active), newest_prompt]
    boxes = [prompt.bounds for prompt in prompts]
    bounds = history.bounds_of(objects.active)
    crop = starting_crop(newest_prompt.bounds, boxes if bounds is None else [*boxes, bounds], image.shape)
    while True:
        task = _task(image, objects, prompts, crop, history.count_of(objects.active) + 1)
        mask = segmenter.segment(task)
        larger = enlarge(crop, mask, image.shape)
        if larger is None:
            break
        crop = larger
    inside_now, _ = paint_prompts([newest_prompt], crop)
    mask = apply_prompts(mask, task.positive, task.negative) & _takeable_voxels(objects, history, crop, inside_now)
    previous = np.zeros(crop.shape, bool) if task.previous is None else task.previous
    if bounds is not None:
        # Last, so that changes are not connected through voxels that do not change. Also where nothing is left of the
        # object here: it is not grown again from earlier prompts.
        mask = keep_local(previous, mask, task.newest)
    return Proposal(crop, mask, is_cut=touches_border(mask ^ previous, crop, image.shape))


def given_mask(image: Image, objects: Objects, history: History, prompt: MaskPrompt) -> Proposal:
    """Return the given mask in a crop that holds it and the active object."""
    given = None if prompt.area is None else prompt.area.bounds
    boxes = [box for box in (given, history.bounds_of(objects.active)) if box is not None]
    crop = boxes[0].union(boxes[-1]) if boxes else Crop((0,) * image.ndim, (1,) * image.ndim)
    mask = np.zeros(crop.shape, bool)
    if prompt.area is not None:
        prompt.area.paint(mask, crop)
    return Proposal(crop, mask)


def _task(image: Image, objects: Objects, prompts: Sequence[Drawn | Box], crop: Crop, count: int) -> Task:
    """Return the task. Earlier prompted voxels that are another object's by now no longer count as inside."""
    newest_prompt = prompts[-1]
    newest = np.zeros(crop.shape, bool)
    newest_prompt.paint(newest, crop)
    positive, negative = paint_prompts(prompts, crop)
    inside_now, _ = paint_prompts([newest_prompt], crop)
    for _, mask in objects.others(crop):
        positive &= ~mask | inside_now
    boxes = [prompt.bounds.intersection(crop) for prompt in prompts if isinstance(prompt, Box)]
    previous = objects.masks[objects.active][crop.slices]
    return Task(
        image=image.crop(crop),
        color=image.color,
        intensity_range=image.intensity_range,
        spacing_mm=image.spacing_mm,
        positive=positive,
        negative=negative,
        box=_corners(_deepen(boxes[-1], image.spacing_mm, crop), crop) if boxes and boxes[-1] is not None else None,
        previous=previous.copy() if previous.any() else None,
        newest=newest,
        newest_positive=isinstance(newest_prompt, Box) or newest_prompt.positive,
        prompt_count=count,
    )


def _deepen(box: Crop, spacing_mm: tuple[float, ...], crop: Crop) -> Crop:
    """Return a box on one slice of a volume as deep as its mean width, within the crop; others as they are."""
    thin = [axis for axis, side in enumerate(box.shape) if side == 1]
    if box.shape.count(1) != 1 or len(box.shape) == 2:
        return box
    axis = thin[0]
    width_mm = sum(n * step for k, (n, step) in enumerate(zip(box.shape, spacing_mm)) if k != axis) / 2
    more = round((width_mm / spacing_mm[axis] - 1) / 2)
    lower, upper = list(box.lower), list(box.upper)
    lower[axis] = max(crop.lower[axis], lower[axis] - max(0, more))
    upper[axis] = min(crop.upper[axis], upper[axis] + max(0, more))
    return Crop(tuple(lower), tuple(upper))


def _corners(box: Crop, crop: Crop) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return lower and upper corner of a box, relative to a crop that holds it."""
    inner = box.within(crop)
    return tuple(s.start for s in inner), tuple(s.stop for s in inner)


def _takeable_voxels(objects: Objects, history: History, crop: Crop, inside_now: Mask) -> Mask:
    """Return the voxels of a crop that the active object can take.

    It takes none of a locked object, and of an open one those that were prompted inside it only where the newest prompt
    marks them (``inside_now``).
    """
    takeable = np.ones(crop.shape, bool)
    for number, mask in objects.others(crop):
        if number in objects.locked:
            takeable &= ~mask
        else:
            prompted, _ = paint_prompts(history.prompts_of(number), crop)
            takeable &= ~(prompted & mask) | inside_now
    return takeable
