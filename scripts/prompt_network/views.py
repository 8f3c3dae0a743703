"""Views of scenes: a crop at some zoom around a target, turned and mirrored, on the network's grid."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from prompt_network.scenes import Scenes

SIDE = {2: 128, 3: 64}


@dataclass(frozen=True)
class View:
    """The training example of one slot of a batch: image 0 to 1 and target, both on the network's grid."""

    image: NDArray[np.float32]
    target: NDArray[np.bool_]


def choose_target(labels: NDArray[np.uint8], pick: np.random.Generator) -> NDArray[np.bool_] | None:
    """A component of a label, now and then the whole label; between 0.1 and 45 % of the scene."""
    sizes = np.bincount(labels.ravel(), minlength=256)
    sizes[0] = 0
    fit = np.flatnonzero((sizes > 0.001 * labels.size) & (sizes < 0.45 * labels.size))
    if not len(fit):
        return None
    target = labels == pick.choice(fit)
    if pick.random() < 0.88:
        parts = cc3d.connected_components(target, connectivity=4 if target.ndim == 2 else 6)
        parts_sizes = np.bincount(parts.ravel())
        parts_sizes[0] = 0
        fit = np.flatnonzero(parts_sizes > 0.0008 * labels.size)
        if not len(fit):
            return None
        target = parts == pick.choice(fit)
    return target


def affine(target: NDArray[np.bool_], pick: np.random.Generator) -> NDArray[np.float32]:
    """From the view's coordinates (-1 to 1, last axis first) to the scene's."""
    dims, side = target.ndim, target.shape[0]
    where = np.argwhere(target)
    low, high = where.min(0), where.max(0) + 1
    middle = ((low + high) / side - 1)[::-1]
    if pick.random() < 0.45:
        half, offset = pick.uniform(0.9, 1.15), np.zeros(dims)
    else:  # zoomed to the target
        half = np.clip((high - low).max() / side * np.exp(pick.uniform(np.log(1.1), np.log(4))), 0.2, 1.15)
        offset = middle + pick.uniform(-0.5, 0.5, dims) * max(0.0, half - (high - low).max() / side)
    turn = np.eye(dims)[pick.permutation(dims)] * pick.choice([-1.0, 1.0], dims)
    if pick.random() < 0.4:
        angle = pick.uniform(-0.5, 0.5)
        spin = np.eye(dims)
        spin[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turn = turn @ spin
    stretch = np.exp(pick.normal(0, 0.1, dims))
    return np.concatenate([turn * half * stretch, offset[:, None]], 1).astype(np.float32)


def draw_view(scenes: Scenes, index: int, pick: np.random.Generator) -> View | None:
    """A random view of a scene, or None where it holds no fit target."""
    labels = (scenes.fine if pick.random() < 0.6 else scenes.coarse)[index]
    target = choose_target(labels, pick)
    if target is None:
        return None
    dims = labels.ndim
    matrix = torch.from_numpy(affine(target, pick))[None]
    grid = F.affine_grid(matrix, [1, 1, *[SIDE[dims]] * dims], align_corners=False)

    def sample(array: NDArray[np.generic], padding: str) -> Tensor:
        values = torch.from_numpy(array.astype(np.float32))[None, None]
        return F.grid_sample(values, grid, padding_mode=padding, align_corners=False)[0, 0]

    image = sample(scenes.image[index], "border" if pick.random() < 0.5 else "zeros").numpy() / 255
    seen = sample(target, "zeros").numpy() > 0.5
    if not 0.0012 < seen.mean() < 0.75:
        return None
    if pick.random() < 0.5:  # another window on the intensities
        low, high = (
            np.sort(pick.uniform(-0.15, 1.15, 2))
            if pick.random() < 0.15
            else (pick.uniform(-0.1, 0.1), pick.uniform(0.8, 1.2))
        )
        if high - low > 0.3:
            image = np.clip((image - low) / (high - low), 0, 1)
    return View(image.astype(np.float32), seen)
