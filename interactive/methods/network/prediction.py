"""The network's log-odds of an object: predicted on a wide frame, and on a close one where the object is small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.crop import box_of
from maskwright.interactive.methods.network.frame import Frame
from maskwright.interactive.methods.network.stains import haematoxylin
from maskwright.interactive.methods.task import Task
from maskwright.interactive.models.registry import MODELS
from maskwright.interactive.models.runtime import predict_log_odds

MODEL = MODELS["prompt-2d"]
MARGIN = 1.35
"""Side of the close frame over that of the object and its prompts."""
CLOSE_SHARE = 0.75
"""A close frame is worth it if its side is below this part of the wide one."""


def predict(task: Task) -> NDArray[np.float32]:
    """Return the log-odds of the object at every pixel of a plane."""
    images = gray_images(task)
    shape = task.positive.shape
    wide = Frame.around((0,) * len(shape), shape, shape, task.spacing_mm, MODEL.side)
    previous = None if task.previous is None else task.previous.astype(np.float32)
    log_odds = wide.resample_back(_predict_on(wide, task, images, previous))
    close = close_frame(task, log_odds, wide)
    if close is None:
        return log_odds
    probability = (1 / (1 + np.exp(-log_odds))).astype(np.float32) if previous is None else previous
    cells = _predict_on(close, task, images, probability)
    inside = close.inside()
    # Near the rim of the close frame the wide one, which shows more around it, counts too.
    weight = close.resample_back(_centre_weight(MODEL.side, len(shape)))[inside]
    log_odds[inside] += weight * (close.resample_back(cells)[inside] - log_odds[inside])
    return log_odds


def gray_images(task: Task) -> NDArray[np.float32]:
    """Return the images for the network: (n, ...), each 0 to 1 over the image's robust range.

    An image in colour gives two: its brightness, and its stain with haematoxylin.
    """
    low, high = task.intensity_range
    image: NDArray[np.float32] = (task.image - np.float32(low)) / np.float32(max(high - low, 1e-6))
    np.clip(image, 0, 1, out=image)
    if not task.color:
        return image[None]
    return np.stack([image.mean(-1), haematoxylin(image)])


def _predict_on(
    frame: Frame, task: Task, images: NDArray[np.float32], previous: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Return the log-odds of a frame's cells: the mean over the images."""
    channels = np.zeros((len(images), MODEL.channels, *[frame.side] * len(frame.shape)), np.float32)
    channels[:, 0] = [frame.resample(image) for image in images]
    channels[:, 1] = frame.mark(task.positive)
    channels[:, 2] = frame.mark(task.negative)
    if previous is not None:
        channels[:, 3] = frame.resample(previous)
    if task.box is not None:
        channels[:, 4] = frame.box(*task.box)
    return np.asarray(predict_log_odds(MODEL, channels).mean(0))


def close_frame(task: Task, log_odds: NDArray[np.float32], wide: Frame) -> Frame | None:
    """Return a frame around the object and its prompts, or None where the wide one is close enough."""
    mask = (log_odds > 0) | task.positive | task.negative
    if task.previous is not None:
        mask |= task.previous
    box = box_of(mask)
    extent_mm = max(side * mm for side, mm in zip(box.shape, task.spacing_mm))
    wide_mm = wide.step[0] * task.spacing_mm[0] * wide.side
    close_mm = max(extent_mm * MARGIN, wide_mm / 6)
    if close_mm > CLOSE_SHARE * wide_mm:
        return None
    middle = [(a + b) / 2 for a, b in zip(box.lower, box.upper)]
    half = [close_mm / mm / 2 for mm in task.spacing_mm]
    low, high = (tuple(m + sign * h for m, h in zip(middle, half)) for sign in (-1, 1))
    return Frame.around(low, high, wide.shape, task.spacing_mm, wide.side)


def _centre_weight(side: int, dims: int) -> NDArray[np.float32]:
    """Return 1 in the middle of a frame, falling to 0 over its outer eighth."""
    line = np.clip((np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5) / (side / 8), 0, 1)
    weight = np.ones((side,) * dims, np.float32)
    for axis in range(dims):
        weight *= line.reshape([-1 if a == axis else 1 for a in range(dims)])
    return weight
