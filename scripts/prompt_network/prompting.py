"""Simulated prompts for training: clicks on the network's own errors, scribbles and boxes, drawn as channels."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

REACH = 3.0
"""A prompt is drawn as exp(-(distance / REACH)**2), in voxels of the network's grid."""


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts = cc3d.connected_components(mask, connectivity=4 if mask.ndim == 2 else 6)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == sizes.argmax()


def centre(mask: NDArray[np.bool_]) -> tuple[tuple[int, ...], float]:
    """The voxel farthest from the border of a mask, and that distance."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    depth = ndimage.distance_transform_edt(np.pad(mask[box], 1))
    index = np.unravel_index(depth.argmax(), depth.shape)
    return tuple(int(i) - 1 + b.start for i, b in zip(index, box)), float(depth.max())


def stamp(channel: NDArray[np.float32], points: NDArray[np.intp]) -> None:
    """Draw points into a prompt channel, in place."""
    reach = int(3 * REACH)
    for point in points:
        window = tuple(slice(max(0, p - reach), p + reach + 1) for p in point)
        square = sum(
            (np.arange(w.start, min(w.stop, n)) - p).reshape([-1 if i == j else 1 for j in range(len(point))]) ** 2.0
            for i, (w, n, p) in enumerate(zip(window, channel.shape, point))
        )
        np.maximum(channel[window], np.exp(-square / REACH**2), out=channel[window])


def click(
    channels: NDArray[np.float32], target: NDArray[np.bool_], mask: NDArray[np.bool_], pick: np.random.Generator
) -> bool:
    """Click on the largest error, in place (channels 1 and 2); False where there is none."""
    missed, extra = target & ~mask, mask & ~target
    if not (missed.any() or extra.any()):
        return False
    parts = [largest_part(m) if m.any() else m for m in (missed, extra)]
    positive = parts[0].sum() >= parts[1].sum()
    part = parts[0] if positive else parts[1]
    point, depth = centre(part)
    if pick.random() < 0.3:  # people click beside the centre
        inside = np.argwhere(part)
        near = inside[np.square(inside - np.array(point)).sum(1) <= max(1.0, (0.6 * depth) ** 2)]
        point = tuple(near[pick.integers(len(near))])
    stamp(channels[1 if positive else 2], np.array([point]))
    return True


def scribble(channels: NDArray[np.float32], part: NDArray[np.bool_], positive: bool, pick: np.random.Generator) -> None:
    """A wandering stroke inside a part, in place."""
    inside = np.argwhere(part)
    if not len(inside):
        return
    spot = inside[pick.integers(len(inside))].astype(float)
    heading = pick.normal(size=part.ndim)
    drawn = []
    for _ in range(int(pick.integers(8, 70))):
        heading = heading / np.linalg.norm(heading) + pick.normal(size=part.ndim) * 0.35
        step = spot + heading / np.linalg.norm(heading)
        index = tuple(np.rint(step).astype(int))
        if all(0 <= i < n for i, n in zip(index, part.shape)) and part[index]:
            spot = step
            drawn.append(index)
        else:
            heading = pick.normal(size=part.ndim)
    if drawn:
        stamp(channels[1 if positive else 2], np.unique(np.array(drawn), axis=0))


def box(channels: NDArray[np.float32], target: NDArray[np.bool_], pick: np.random.Generator) -> None:
    """A box around the target, its sides a little off, in place (channel 4)."""
    where = np.argwhere(target)
    low, high = where.min(0), where.max(0) + 1
    slack = np.maximum(1, 0.12 * (high - low))
    low = np.maximum(0, np.rint(low - pick.normal(0.2, 0.5, target.ndim) * slack)).astype(int)
    high = np.maximum(low + 1, np.rint(high + pick.normal(0.2, 0.5, target.ndim) * slack)).astype(int)
    channels[(4, *map(slice, low, high))] = 1


def first_prompt(channels: NDArray[np.float32], target: NDArray[np.bool_], pick: np.random.Generator) -> None:
    """A click, now and then a box or a pair of scribbles, in place."""
    kind = pick.random()
    nothing = np.zeros_like(target)
    if kind < 0.7:
        click(channels, target, nothing, pick)
    elif kind < 0.83:
        box(channels, target, pick)
        if pick.random() < 0.3:
            click(channels, target, nothing, pick)
    else:
        scribble(channels, target, True, pick)
        near = ndimage.binary_dilation(target, iterations=int(pick.integers(6, 25))) & ~ndimage.binary_dilation(
            target, iterations=2
        )
        for _ in range(int(pick.integers(0, 4))):
            scribble(channels, near if near.any() else ~target, False, pick)


def next_prompt(
    channels: NDArray[np.float32], target: NDArray[np.bool_], mask: NDArray[np.bool_], pick: np.random.Generator
) -> bool:
    """Answer a prediction: a click, now and then a scribble, on its largest error."""
    if pick.random() < 0.88:
        return click(channels, target, mask, pick)
    missed, extra = target & ~mask, mask & ~target
    positive = missed.sum() >= extra.sum()
    error = missed if positive else extra
    if not error.any():
        return False
    scribble(channels, largest_part(error), bool(positive), pick)
    return True
