"""The default: our promptable network, looking once or twice; the image's own edges; a cut along the border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskwright.interactive.image import Image
from maskwright.interactive.methods.graph_cut import sharpen
from maskwright.interactive.methods.method import SUPPORTS_ALL, Segmenter, Supports, TaskSegmenter, package_version
from maskwright.interactive.methods.network.frame import Frame
from maskwright.interactive.methods.network.planes import plane_proposal
from maskwright.interactive.methods.network.stains import haematoxylin
from maskwright.interactive.methods.regions.geodesic_region import grow_region
from maskwright.interactive.methods.regions.level_set import Proposal
from maskwright.interactive.methods.task import Task
from maskwright.interactive.models.prompt_network import CHANNELS, SIDE, log_odds, provenance

MARGIN = 1.35
"""Side of the close frame over that of what it is to hold."""
WORTH_ZOOMING = 0.75
"""A close frame is looked at if its side is below this part of the wide one."""
LIKE_ENOUGH = 0.6
"""The network draws a border if its mask has this Dice with what the image's edges gave."""
BESIDE = 3
CLEAR = 0.5

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Network:
    """The default method: the embedded network proposes an extent, the image decides on the border.

    In 2-D the network answers every prompt. In 3-D it sees the three planes through the first one; corrections are
    found in the image alone.
    """

    name: str = "network"
    supports: Supports = SUPPORTS_ALL

    def provenance(self) -> dict[str, str]:
        """Return name and version, the hash of the model, and its runtime; see `Method`."""
        return {"name": self.name, "version": package_version(), **provenance(2)}

    def open(self, image: Image) -> Segmenter:
        """Return a segmenter; the network's weights are shared by all images."""
        return TaskSegmenter(segment)


METHOD = Network()


def segment(task: Task) -> Mask:
    """Return the mask of the prompted object."""
    return sharpen(task, _flat_mask(task) if task.positive.ndim == 2 else _volume_mask(task))


def _volume_mask(task: Task) -> Mask:
    return grow_region(task, plane_proposal(task, _flat_mask) if task.previous is None else None)


def _flat_mask(task: Task) -> Mask:
    if task.strokes_compete:
        return grow_region(task)
    odds = network_log_odds(task)
    refined = grow_region(task, Proposal.everywhere(odds > 0))
    return refined if task.previous is None else _agreed(task.previous, refined, odds)


def _agreed(previous: Mask, refined: Mask, odds: NDArray[np.float32]) -> Mask:
    """Let the network draw the border of a correction where, on the whole, it sees the same object."""
    thought = odds > 0
    common = 2 * np.count_nonzero(thought & refined)
    if common < LIKE_ENOUGH * (np.count_nonzero(thought) + np.count_nonzero(refined)):
        return refined
    beside = ndimage.binary_dilation(previous ^ refined, iterations=BESIDE)
    return np.where(beside & (np.abs(odds) > CLEAR), thought, refined)


def grays(task: Task) -> NDArray[np.float32]:
    """What the network looks at: (n, ...), each 0 to 1 over the image's robust range.

    An image in colour is seen twice: by its brightness, and by how strongly it is stained with haematoxylin.
    """
    image = _scaled(task)
    if not task.color:
        return image[None]
    return np.stack([image.mean(-1), haematoxylin(image)])


def _scaled(task: Task) -> NDArray[np.float32]:
    low, high = task.intensity_range
    image: NDArray[np.float32] = (task.image - np.float32(low)) / np.float32(max(high - low, 1e-6))
    np.clip(image, 0, 1, out=image)
    return image


def network_log_odds(task: Task) -> NDArray[np.float32]:
    """Look at the whole region, then, where the object is small in it, closer."""
    images = grays(task)
    shape = task.positive.shape
    side = SIDE[len(shape)]
    wide = Frame.around((0,) * len(shape), shape, shape, task.spacing_mm, side)
    previous = None if task.previous is None else task.previous.astype(np.float32)
    cells = predicted(task, images, wide, previous)
    logits = wide.back(cells)
    close = close_frame(task, logits, wide)
    if close is None:
        return logits
    before = (1 / (1 + np.exp(-logits))).astype(np.float32) if previous is None else previous
    seen = predicted(task, images, close, before)
    inside = close.inside()
    # Near the rim of the close frame the wide one, which sees beyond, has a say too.
    trust = close.back(_trust(side, len(shape)))[inside]
    logits[inside] += trust * (close.back(seen)[inside] - logits[inside])
    return logits


def predicted(
    task: Task, images: NDArray[np.float32], frame: Frame, previous: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Run the network on one frame of each image; the mean log-odds of its cells."""
    channels = np.zeros((len(images), CHANNELS, *[frame.side] * len(frame.shape)), np.float32)
    channels[:, 0] = [frame.look(image) for image in images]
    channels[:, 1] = frame.mark(task.positive)
    channels[:, 2] = frame.mark(task.negative)
    if previous is not None:
        channels[:, 3] = frame.look(previous)
    if task.box is not None:
        channels[:, 4] = frame.box(*task.box)
    return np.asarray(log_odds(channels).mean(0))


def close_frame(task: Task, logits: NDArray[np.float32], wide: Frame) -> Frame | None:
    """Return a frame around the object and its prompts, or None where the wide one is close enough."""
    shown = (logits > 0) | task.positive | task.negative
    if task.previous is not None:
        shown |= task.previous
    lower, upper = [], []
    for axis in range(shown.ndim):
        where = np.flatnonzero(shown.any(axis=tuple(a for a in range(shown.ndim) if a != axis)))
        lower.append(int(where[0]))
        upper.append(int(where[-1]) + 1)
    extent_mm = max((b - a) * mm for a, b, mm in zip(lower, upper, task.spacing_mm))
    wide_mm = wide.step[0] * task.spacing_mm[0] * wide.side
    wanted_mm = max(extent_mm * MARGIN, wide_mm / 6)
    if wanted_mm > WORTH_ZOOMING * wide_mm:
        return None
    middle = [(a + b) / 2 for a, b in zip(lower, upper)]
    half = [wanted_mm / mm / 2 for mm in task.spacing_mm]
    low, high = (tuple(m + sign * h for m, h in zip(middle, half)) for sign in (-1, 1))
    return Frame.around(low, high, wide.shape, task.spacing_mm, wide.side)


def _trust(side: int, dims: int) -> NDArray[np.float32]:
    """1 in the middle of a frame, falling to 0 over its outer eighth."""
    line = np.clip((np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5) / (side / 8), 0, 1)
    out = np.ones((side,) * dims, np.float32)
    for axis in range(dims):
        out *= line.reshape([-1 if a == axis else 1 for a in range(dims)])
    return out
