"""Three dimensions through the two-dimensional network: it looks at three planes through the newest prompt; geodesic
distances and the intensities it found inside and outside carry what it saw into the volume.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskwright.interactive.frame import Frame
from maskwright.interactive.methods.method import Task
from maskwright.kernels.components import label_components
from maskwright.kernels.distance import distance_transform
from maskwright.kernels.geodesic import geodesic_distance

CELLS = 64
"""Cells an axis of the grid the volume is decided on."""
SURE = 1.0
"""Log-odds from which a voxel of a plane counts as seen inside, or outside."""
CONTRAST = 60.0
"""What the whole range of intensities costs a path, in cells."""
SMOOTHING = 0.7
SHELL = 1.5
"""Of the last mask, what is farther than so many cells from its border stays, unless the newest prompt is near."""
BINS = 64
BEYOND = 12
"""Intensities outside are sampled within so many voxels of the object."""

Mask = NDArray[np.bool_]
LogOdds = NDArray[np.float32]
Samples = list[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Plane:
    """What the network said of one plane; `index` selects it from the volume."""

    index: tuple[slice | int, ...]
    log_odds: LogOdds


def volume_mask(task: Task, image: NDArray[np.float32], look: Callable[[Task], LogOdds]) -> Mask:
    """Return the mask of the prompted object in a volume.

    Parameters
    ----------
    task
        A volume; the newest prompt decides where the planes are.
    image
        Its intensities, 0 to 1.
    look
        The network on a plane: a two-dimensional task to log-odds.
    """
    centre = _middle(task.latest)
    planes = _planes(task, centre, look)
    frame = Frame.around((0, 0, 0), image.shape, image.shape, task.spacing_mm, CELLS)
    near = _near(frame, task, centre, planes)
    inside, outside = _seen(frame, task, planes)
    likeness = [image[p.index][p.log_odds > SURE] for p in planes], [_ring(image, p) for p in planes]
    cells = frame.look(image)
    if task.previous is not None:
        kept_in, kept_out = _kept(frame, task.previous, near)
        inside, outside = inside | (kept_in & ~outside), outside | (kept_out & ~inside)
        likeness[0].append(cells[kept_in])
        likeness[1].append(cells[kept_out & ndimage.binary_dilation(kept_in, iterations=BEYOND)])
    mask = frame.back(_decided(frame, cells, inside, outside, likeness)) > 0
    return _changed(task, mask, frame.back(near.astype(np.float32)) > 0.5)


def _middle(latest: Mask) -> tuple[int, ...]:
    """The voxel of the newest prompt in the middle of its list; the middle of the volume if it is not in it."""
    points = np.flatnonzero(latest)
    flat = points[len(points) // 2] if len(points) else latest.size // 2
    return tuple(int(i) for i in np.unravel_index(flat, latest.shape))


def _planes(task: Task, centre: tuple[int, ...], look: Callable[[Task], LogOdds]) -> list[Plane]:
    """Look at the three planes through a voxel, where there is something to ask about."""
    planes = []
    for axis in range(3):
        index: list[slice | int] = [slice(None)] * 3
        index[axis] = centre[axis]
        flat = _flat_task(task, axis, centre)
        if flat is not None:
            planes.append(Plane(tuple(index), look(flat)))
        elif task.negative.any():  # no object in this plane, and it was said that there is none
            planes.append(Plane(tuple(index), np.full(task.positive.take(0, axis).shape, -2 * SURE, np.float32)))
    return planes


def _flat_task(task: Task, axis: int, centre: tuple[int, ...]) -> Task | None:
    """The task in one plane. The network wants a positive prompt: without one, the middle of the last mask is it."""

    def cut(array: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.ascontiguousarray(array.take(centre[axis], axis))

    def flat(values: tuple[float, ...]) -> tuple[float, ...]:
        return values[:axis] + values[axis + 1 :]

    positive, negative = cut(task.positive).astype(bool), cut(task.negative).astype(bool)
    previous = None if task.previous is None else cut(task.previous).astype(bool)
    box = task.box
    if box is not None and not box[0][axis] <= centre[axis] < box[1][axis]:
        box = None
    spacing = flat(task.spacing_mm)
    if not positive.any() and previous is not None and previous.any():
        depth = distance_transform(np.pad(previous, 1).astype(np.uint8), spacing)[1:-1, 1:-1] * previous
        depth[ndimage.binary_dilation(negative, iterations=3)] = 0
        if depth.any():
            positive[np.unravel_index(depth.argmax(), depth.shape)] = True
    if not positive.any() and box is None:
        return None
    return replace(
        task,
        image=cut(task.image).astype(np.float32),
        spacing_mm=spacing,
        positive=positive,
        negative=negative,
        latest=cut(task.latest).astype(bool),
        previous=previous if previous is not None and previous.any() else None,
        box=None if box is None else (box[0][:axis] + box[0][axis + 1 :], box[1][:axis] + box[1][axis + 1 :]),
    )


def _near(frame: Frame, task: Task, centre: tuple[int, ...], planes: list[Plane]) -> Mask:
    """Cells an edit may change: all the first time, then a ball around the prompt with what the planes changed."""
    if task.previous is None:
        return np.ones((CELLS,) * 3, bool)
    reach_mm = 0.0
    for plane in planes:
        change = label_components(task.previous[plane.index] ^ (plane.log_odds > 0)).labels
        kept = [axis for axis, part in enumerate(plane.index) if isinstance(part, slice)]
        number = change[tuple(centre[axis] for axis in kept)]
        if number:
            away = (np.argwhere(change == number) - [centre[a] for a in kept]) * [task.spacing_mm[a] for a in kept]
            reach_mm = max(reach_mm, float(np.sqrt(np.square(away).sum(1).max())))
    cell_mm = frame.step[0] * task.spacing_mm[0]
    radius = 1.2 * reach_mm / cell_mm + SHELL
    middle = [(c + 0.5 - lo) / step - 0.5 for c, lo, step in zip(centre, frame.lower, frame.step)]
    z, y, x = np.ogrid[:CELLS, :CELLS, :CELLS]
    ball: Mask = (z - middle[0]) ** 2 + (y - middle[1]) ** 2 + (x - middle[2]) ** 2 <= radius**2
    return ball


def _seen(frame: Frame, task: Task, planes: list[Plane]) -> tuple[Mask, Mask]:
    """Cells said or seen to be inside, and outside; what was said counts more."""
    inside, outside = np.zeros(task.positive.shape, bool), np.zeros(task.positive.shape, bool)
    for plane in planes:
        inside[plane.index] |= plane.log_odds > SURE
        outside[plane.index] |= plane.log_odds < -SURE
    inside, outside = inside & ~outside, outside & ~inside
    inside = (inside | task.positive) & ~task.negative
    outside = (outside | task.negative) & ~task.positive
    cells_in, cells_out = _cells(frame, inside), _cells(frame, outside)
    return cells_in, cells_out & ~cells_in


def _cells(frame: Frame, mask: Mask) -> Mask:
    """The cells that hold a voxel of a mask."""
    out = np.zeros((CELLS,) * 3, bool)
    cells = np.floor((np.argwhere(mask) + 0.5 - frame.lower) / frame.step).astype(np.intp)
    out[tuple(np.clip(cells, 0, CELLS - 1).T)] = True
    return out


def _kept(frame: Frame, previous: Mask, near: Mask) -> tuple[Mask, Mask]:
    """Cells well inside the last mask, and well outside, away from the newest prompt."""
    before = frame.look(previous.astype(np.float32)) > 0.5
    depth = distance_transform(before.astype(np.uint8), (1.0, 1.0, 1.0))
    deep = (depth > SHELL) & ~near
    return deep & before, deep & ~before


def _ring(image: NDArray[np.float32], plane: Plane) -> NDArray[np.float32]:
    """Intensities of a plane around, not in, the object."""
    around = ndimage.binary_dilation(plane.log_odds > 0, iterations=BEYOND)
    ring: NDArray[np.float32] = image[plane.index][(plane.log_odds < -SURE) & around]
    return ring


def _decided(
    frame: Frame, cells: NDArray[np.float32], inside: Mask, outside: Mask, likeness: tuple[Samples, Samples]
) -> LogOdds:
    """Log-odds of every cell, by geodesic distances to what was seen and by intensity."""
    covered = frame.look(np.ones(frame.shape, np.float32)) > 0
    rim = covered & ~ndimage.binary_erosion(covered)
    outside = outside | (rim & ~inside)
    smooth = ndimage.gaussian_filter(cells, SMOOTHING)
    to_in, to_out = (
        geodesic_distance(smooth, seeds, (1.0, 1.0, 1.0), contrast=CONTRAST) for seeds in (inside, outside)
    )
    odds = np.log((np.minimum(to_out, 1e6) + 1) / (np.minimum(to_in, 1e6) + 1)) + _likelihood(cells, *likeness)
    odds[inside] = np.maximum(odds[inside], 1)
    odds[outside] = np.minimum(odds[outside], -1)
    return np.asarray(odds, np.float32)


def _likelihood(cells: NDArray[np.float32], inside: Samples, outside: Samples) -> NDArray[np.float64]:
    """Log of how much likelier an intensity is inside than outside; 0 where too little was seen."""
    seen_in, seen_out = (np.concatenate(parts) if parts else np.zeros(0) for parts in (inside, outside))
    if min(len(seen_in), len(seen_out)) < 10:
        return np.zeros(cells.shape)
    shares = []
    for seen in (seen_in, seen_out):
        counts = np.bincount((seen * (BINS - 1)).astype(np.intp), minlength=BINS).astype(np.float64)
        counts = ndimage.gaussian_filter1d(counts, 2)
        shares.append(counts / counts.sum() + 2e-3)
    table = np.log(shares[0] / shares[1])
    smooth: NDArray[np.float64] = ndimage.gaussian_filter(table[(cells * (BINS - 1)).astype(np.intp)], SMOOTHING)
    return smooth


def _changed(task: Task, mask: Mask, near: Mask) -> Mask:
    """Keep the last mask away from the prompt; add where it was positive, take away where not; one piece a prompt."""
    if task.previous is not None:
        mask = np.where(near, mask, task.previous)
        mask = task.previous | mask if task.latest_positive else task.previous & mask
    mask = (mask | task.positive) & ~task.negative
    if not task.positive.any():
        return mask
    parts = label_components(mask, 6)
    wanted = np.zeros(parts.count + 1, bool)
    wanted[parts.labels[task.positive]] = True
    if task.previous is not None:
        wanted[parts.labels[task.previous & mask]] = True
    wanted[0] = False
    return wanted[parts.labels]
