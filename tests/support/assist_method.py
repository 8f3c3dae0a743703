"""Plain assist methods for tests of sessions: quick ones, of which one depends on everything a task holds."""

import numpy as np
from scipy import ndimage

from maskwright.interactive.methods.method import SUPPORTS_ALL, TaskMethod, TaskSegmenter
from maskwright.interactive.sessions.session import AssistSession


class Discs:
    """What is bright around positive prompts and not around negative ones, what was there before, and stray voxels.

    The stray voxels (bright ones on the rim of the region) are what a session has to leave out of later edits, and
    make the result depend on the region.
    """

    name = "discs"
    supports = SUPPORTS_ALL

    def __init__(self, model: str = "first") -> None:
        self.model = model
        self.tasks = []

    def provenance(self) -> dict[str, str]:
        return {"name": self.name, "version": "1", "model": self.model}

    def open(self, image):
        return TaskSegmenter(self.segment)

    def segment(self, task):
        self.tasks.append(task)
        bright = (task.image.mean(-1) if task.color else task.image) >= sum(task.intensity_range) / 2
        near = ndimage.binary_dilation(task.positive, iterations=3) & bright
        if task.box is not None:
            near[tuple(map(slice, *task.box))] |= bright[tuple(map(slice, *task.box))]
        if task.previous is not None:
            near |= task.previous
        if task.negative.any():
            near &= ~ndimage.binary_dilation(task.negative, iterations=2)
        near[0] |= bright[0]
        return near


def seen_image(shape, seed=0):
    """Return float32 noise, smooth enough for objects of several voxels."""
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2).astype(np.float32)


def boxes(task):
    """Three voxels to each side of every positive prompt; nothing depends on the image."""
    mask = np.zeros(task.positive.shape, bool)
    for index in np.argwhere(task.positive):
        mask[tuple(slice(max(0, i - 3), i + 4) for i in index)] = True
    return mask


BOXES = TaskMethod("boxes", boxes)


def session_on(shape=(40, 40), method=None):
    """Return a session on an empty image."""
    session = AssistSession(method or BOXES)
    session.set_image(np.zeros(shape, np.float32), (1.0,) * len(shape))
    return session
