"""Synthetic scenes: label maps of organic shapes, and images painted on them. Everything comes from a seed.

A scene is an image with two label maps: `fine` (every region for itself) and `coarse` (a ring with what it holds, a
cell with its nucleus, neighbouring tissues joined), so that objects made of unlike parts can be targets too. Scenes are
made a few at a time: those of one batch share the scales of their noise.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

VERSION = 2
"""Of this generator: part of the name under which weights are published."""
LABELS = 96
CELLS = 64
"""The first label of cells; they, and then their cores, look alike."""
_MODE = {2: "bicubic", 3: "trilinear"}


@dataclass(frozen=True)
class Scenes:
    """A batch of scenes: three uint8 arrays of shape (count, side, side) or (count, side, side, side)."""

    image: NDArray[np.uint8]
    fine: NDArray[np.uint8]
    coarse: NDArray[np.uint8]


class Painter:
    """Random draws for one batch of scenes of one size."""

    def __init__(self, seed: tuple[int, ...], count: int, side: int, dims: int) -> None:
        self.pick = np.random.default_rng(seed)
        self.torch = torch.Generator().manual_seed(int(self.pick.integers(2**62)))
        self.count, self.side, self.dims = count, side, dims
        self.shape = (side,) * dims
        axis = torch.linspace(-1, 1, side)
        self.place = torch.stack(torch.meshgrid(*[axis] * dims, indexing="ij"))

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform draws, one or more a scene: (count, *shape)."""
        return torch.rand((self.count, *shape), generator=self.torch) * (high - low) + low

    def spread(self, values: Tensor) -> Tensor:
        """(count,) -> (count, 1, 1[, 1])."""
        return values.view(self.count, *[1] * self.dims)

    def chance(self, share: float) -> bool:
        """One draw for the whole batch."""
        return bool(self.pick.random() < share)

    def noise(self, cells: float, channels: int = 1) -> Tensor:
        """Smooth noise of unit variance with about `cells` cells a side: (count, [channels,] ...)."""
        grid = max(3, min(self.side, round(cells) + 3))
        coarse = torch.randn((self.count, channels, *[grid] * self.dims), generator=self.torch)
        scale = grid / max(cells, 1e-6)
        field = F.interpolate(
            coarse, size=[max(self.side, round(self.side * scale))] * self.dims, mode=_MODE[self.dims]
        )
        field = field[(slice(None), slice(None), *[slice(0, self.side)] * self.dims)]
        field = field / field.flatten(2).std(2).clamp_min(1e-3).view(self.count, channels, *[1] * self.dims)
        return field[:, 0] if channels == 1 else field

    def rotation(self) -> Tensor:
        """A random rotation a scene: (count, dims, dims)."""
        return torch.linalg.qr(torch.randn((self.count, self.dims, self.dims), generator=self.torch))[0]

    def log_uniform(self, low: float, high: float) -> float:
        """One draw for the whole batch, even in the logarithm."""
        return float(math.exp(self.pick.uniform(math.log(low), math.log(high))))

    def blob_radius(self, smallest: float, largest: float) -> tuple[Tensor, Tensor]:
        """A deformed ellipsoid a scene: relative radius (below 1 inside), and its mean radius in half sides."""
        radius = torch.exp(self.uniform(math.log(smallest), math.log(largest)))
        stretch = torch.exp(self.uniform(-0.6, 0.6, self.dims))
        stretch = stretch / stretch.prod(1, keepdim=True) ** (1 / self.dims)
        centre = self.uniform(-0.85, 0.85, self.dims)
        matrix = self.rotation() / (radius[:, None, None] * stretch[:, :, None])
        offset = self.place.flatten(1)[None] - centre[:, :, None]
        distance = torch.linalg.vector_norm(matrix @ offset, dim=1).view(self.count, *self.shape)
        bumps = self.noise(self.log_uniform(2, 12)) * self.spread(self.uniform(0.0, 0.35))
        return distance * torch.exp(bumps), radius


def organic(draw: Painter) -> tuple[Tensor, Tensor]:
    """Patches with curved borders: the largest of several smooth fields."""
    kinds = int(draw.pick.integers(3, 13))
    cells = draw.log_uniform(1.5, 9)
    fields = draw.noise(cells, kinds) + draw.noise(cells * 3, kinds) * float(draw.pick.uniform(0, 0.35))
    fine = fields.argmax(1)
    return fine, fine // 2


def bands(draw: Painter) -> tuple[Tensor, Tensor]:
    """Layers: a smooth field cut at a few levels, as in a folded cortex."""
    field = draw.noise(draw.log_uniform(2, 14)) + draw.noise(draw.log_uniform(8, 24)) * float(draw.pick.uniform(0, 0.4))
    levels = int(draw.pick.integers(2, 6))
    cuts = torch.sort(draw.uniform(-1.4, 1.4, levels - 1), dim=1).values
    fine = sum((field > draw.spread(cuts[:, i])).long() for i in range(levels - 1))
    return fine, (fine + 1) // 2


def plain(draw: Painter) -> tuple[Tensor, Tensor]:
    """One empty background."""
    empty = torch.zeros((draw.count, *draw.shape), dtype=torch.long)
    return empty, empty.clone()


def add_blobs(draw: Painter, fine: Tensor, coarse: Tensor, first: int) -> int:
    """Paint organs over the maps: solid, hollow, with a core, crescents, branching; returns the next free label."""
    count = int(draw.pick.integers(2, 16))
    alike = draw.chance(0.25)  # cells of one kind and size
    size = draw.log_uniform(0.06, 0.25)
    for _ in range(count):
        radius, _ = draw.blob_radius(*((size * 0.8, size * 1.25) if alike else (0.05, 0.55)))
        inside = radius < 1
        style = int(draw.pick.integers(0, 6))
        outer, inner = first, first + 1
        first += 2
        wall = draw.spread(draw.uniform(0.45, 0.9))
        shape = inside
        core = radius < wall
        if style == 1:  # a ring: the background shows through
            shape = inside & ~core
        elif style == 2:  # a crescent
            shift = [int(draw.pick.integers(-draw.side // 6, draw.side // 6 + 1)) for _ in range(draw.dims)]
            shape = inside & ~torch.roll(inside, shift, dims=list(range(1, draw.dims + 1)))
        elif style == 3:  # branches
            width = draw.spread(draw.uniform(0.15, 0.5))
            shape = inside & (draw.noise(draw.log_uniform(4, 16)).abs() < width)
        coarse[shape if style in (1, 2, 3) else inside] = outer
        fine[shape] = outer
        if style in (4, 5):  # a core of its own
            fine[core] = inner
            if style == 5:
                coarse[core] = inner
    return first


def add_cells(draw: Painter, fine: Tensor, coarse: Tensor, first: int) -> None:
    """Paint a crowd of small bodies alike over the maps, some touching, each perhaps with a core of its own.

    The centres lie on a shaken lattice; neighbours have different labels (two an axis), so that each is a component.
    """
    cells = draw.log_uniform(4, 18)
    grid = math.ceil(cells) + 4
    tables = [draw.count, *[grid] * draw.dims]
    shaken = (torch.rand((draw.dims, *tables), generator=draw.torch) - 0.5) * float(draw.pick.uniform(0.3, 0.9))
    radius = draw.uniform(0.7, 1.0, *tables[1:]) * draw.spread(draw.uniform(0.28, 0.65))
    radius = radius * (torch.rand(tables, generator=draw.torch) < float(draw.pick.uniform(0.4, 1.0)))
    warp = draw.noise(cells * draw.log_uniform(0.7, 3), draw.dims) * float(draw.pick.uniform(0.02, 0.14))
    where = (draw.place + 1) / 2 * cells + 2 + warp
    base = where.long()
    scene = torch.arange(draw.count).view(-1, *[1] * draw.dims).expand(draw.count, *draw.shape)
    nearest = torch.full(scene.shape, math.inf)
    width, label = torch.zeros(scene.shape), torch.zeros(scene.shape, dtype=torch.long)
    for step in itertools.product((-1, 0, 1), repeat=draw.dims):
        at = [(base[:, axis] + step[axis]).clamp(0, grid - 1) for axis in range(draw.dims)]
        index = (scene, *at)
        away = [at[axis] + 0.5 + shaken[axis][index] - where[:, axis] for axis in range(draw.dims)]
        distance = torch.stack(away).square().sum(0).sqrt()
        closer = distance < nearest
        nearest = torch.where(closer, distance, nearest)
        width = torch.where(closer, radius[index], width)
        label = torch.where(closer, sum((at[axis] % 2) << axis for axis in range(draw.dims)), label)
    inside = nearest < width
    fine[inside], coarse[inside] = first + label[inside], first + label[inside]
    if draw.chance(0.5):
        core = nearest < width * float(draw.pick.uniform(0.3, 0.75))
        fine[core] += 2**draw.dims


def label_maps(draw: Painter) -> tuple[Tensor, Tensor, Tensor]:
    """Return fine and coarse maps, and the mask of the body."""
    base = [organic, bands, plain][int(draw.pick.choice(3, p=[0.45, 0.2, 0.35]))]
    fine, coarse = base(draw)
    fine, coarse = fine + 1, coarse + 1
    body = torch.ones_like(fine, dtype=torch.bool)
    if base is plain or draw.chance(0.55):
        add_blobs(draw, fine, coarse, 20)
    if draw.chance(0.22):
        add_cells(draw, fine, coarse, CELLS)
    if draw.chance(0.5):
        radius, _ = draw.blob_radius(0.7, 1.1)
        body = radius < 1
        if draw.chance(0.5):  # skin
            rind = body & (radius > draw.spread(draw.uniform(0.8, 0.95)))
            fine[rind], coarse[rind] = 19, 19
    if draw.dims == 2 and draw.chance(0.12):  # the fan of an ultrasound probe
        down = (draw.place[0] + 1) / 2
        body = body & (torch.atan2(draw.place[1], down + 0.05).abs() < draw.pick.uniform(0.4, 0.8)) & (down < 0.97)
    outside = ~body
    fine[outside], coarse[outside] = 0, 0
    return fine, coarse, body


def of_label(draw: Painter, table: Tensor, labels: Tensor) -> Tensor:
    """A value a scene and label -> a value a voxel."""
    return torch.gather(table, 1, labels.flatten(1)).view(labels.shape)


def blur(image: Tensor, sigmas: list[float]) -> Tensor:
    """Gaussian blur, one sigma an axis, in voxels."""
    dims = image.ndim - 1
    out = image[:, None]
    for axis, sigma in enumerate(sigmas):
        if sigma < 0.2:
            continue
        reach = max(1, math.ceil(2.5 * sigma))
        weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
        size = [1, 1] + [1] * dims
        size[2 + axis] = 2 * reach + 1
        pad = [0, 0] * (dims - 1 - axis) + [reach, reach] + [0, 0] * axis
        conv = F.conv2d if dims == 2 else F.conv3d
        out = conv(F.pad(out, pad, mode="replicate"), (weights / weights.sum()).view(size))
    return out[:, 0]


def paint(draw: Painter, fine: Tensor, coarse: Tensor, body: Tensor) -> Tensor:
    """Intensities for the maps, about 0 to 1."""
    means = draw.uniform(0, 1, LABELS)
    contrast = draw.uniform(0.2, 1.2)[:, None]
    for kind in (CELLS, CELLS + 2**draw.dims):
        group = means[:, kind : kind + 2**draw.dims]
        group[:] = group[:, :1] + (group - group[:, :1]) * 0.15
    means = (means - 0.5) * contrast + 0.5
    coarse_means = (draw.uniform(0, 1, LABELS) - 0.5) * contrast * float(draw.pick.uniform(0, 0.8))
    image = of_label(draw, means, fine) + of_label(draw, coarse_means, coarse)
    busy = draw.uniform(0.0, 0.25)[:, None]
    for cells in (draw.log_uniform(3, 10), draw.log_uniform(10, 30), draw.log_uniform(30, draw.side * 0.7)):
        texture = draw.noise(cells)
        if draw.chance(0.2):
            texture = texture.abs() - 0.8
        image = image + texture * of_label(draw, draw.uniform(0, 1, LABELS) ** 2 * busy, fine)
    if draw.chance(0.3):  # structure that no label tells of
        hidden = draw.noise(draw.log_uniform(3, 20)) > draw.spread(draw.uniform(0.3, 1.5))
        image = image + hidden * draw.spread(draw.uniform(-0.15, 0.15))
    image = image * torch.exp(draw.noise(draw.log_uniform(0.7, 3)) * draw.spread(draw.uniform(0, 0.3)))
    air = draw.uniform(-0.3, 0.6)
    return torch.where(body, image, draw.spread(air))


def simulate_scanner(draw: Painter, image: Tensor, body: Tensor) -> Tensor:
    """Return the image as a scanner records it: blur, noise, speckle, gamma, a limited range, now and then inverted."""
    sharp = draw.pick.uniform(0, 1.2)
    sigmas = [sharp] * draw.dims
    if draw.dims == 3 and draw.chance(0.4):  # thick slices
        sigmas[int(draw.pick.integers(3))] = draw.pick.uniform(1, 3)
    image = blur(image, sigmas)
    if draw.chance(0.35):  # speckle
        grain = blur(torch.randn(image.shape, generator=draw.torch), [draw.pick.uniform(0.3, 1.5)] * draw.dims)
        grain = grain / grain.std()
        image = image * (1 + grain * draw.spread(draw.uniform(0, 0.5)))
    grain = torch.randn(image.shape, generator=draw.torch)
    if draw.chance(0.4):
        grain = blur(grain, [draw.pick.uniform(0.3, 1.0)] * draw.dims)
        grain = grain / grain.std()
    image = image + grain * draw.spread(draw.uniform(0, 0.4) ** 2)
    flat = image.flatten(1)
    few = flat[:, :: max(1, flat.shape[1] // 8000)]
    low = torch.quantile(few, float(draw.pick.uniform(0, 0.03)), dim=1)
    high = torch.quantile(few, float(draw.pick.uniform(0.95, 1.0)), dim=1)
    image = ((image - draw.spread(low)) / draw.spread((high - low).clamp_min(1e-3))).clamp(0, 1)
    image = image ** draw.spread(torch.exp(draw.uniform(-0.6, 0.6)))
    flip = draw.spread(draw.uniform(0, 1) < 0.3)
    image = torch.where(flip, 1 - image, image)
    if draw.chance(0.5):  # black or white outside the body, as most scanners leave it
        image = torch.where(body, image, draw.spread((draw.uniform(0, 1) < 0.12).float()))
    return image


def make_scenes(seed: tuple[int, ...], count: int, side: int, dims: int, together: int = 8) -> Scenes:
    """`count` scenes of `side` voxels an axis, the same for the same seed on one machine."""
    made = []
    with torch.no_grad():
        for start in range(0, count, together):
            draw = Painter((*seed, start), min(together, count - start), side, dims)
            fine, coarse, body = label_maps(draw)
            image = simulate_scanner(draw, paint(draw, fine, coarse, body), body)
            made.append((np.rint(image.numpy() * 255), fine.numpy(), coarse.numpy()))
    image, fine, coarse = (np.concatenate(part).astype(np.uint8) for part in zip(*made))
    return Scenes(image, fine, coarse)
