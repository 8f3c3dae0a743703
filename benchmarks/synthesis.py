"""Seeded shapes for the synthetic cases: smooth blobs, and a smooth warp that makes a prediction of a reference."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


def interpolation(size: int, knots: int) -> NDArray[np.float64]:
    """Return a (size, knots) matrix of smooth bumps that sum to one in each row: separable interpolation."""
    at = np.linspace(0, knots - 1, size)[:, None] - np.arange(knots)[None, :]
    weights = np.exp(-(at**2) / 0.72)
    return weights / weights.sum(axis=1, keepdims=True)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], knots: int) -> NDArray[np.float64]:
    """Return a smooth random field of about unit variance."""
    field = rng.standard_normal([knots] * len(shape))
    for axis, size in enumerate(shape):
        field = np.moveaxis(np.tensordot(interpolation(size, knots), field, (1, axis)), 0, axis)
    return field / field.std()


def paint_blob(
    labels: NDArray[np.unsignedinteger],
    rng: np.random.Generator,
    centre: NDArray[np.float64],
    radius: NDArray[np.float64],
    label: int,
    *,
    roughness: float = 0.18,
    over: bool = False,
) -> int:
    """Paint an ellipsoid with a smoothly uneven surface, by default on background only; return its voxels."""
    lower = np.maximum(np.floor(centre - 1.5 * radius), 0).astype(int)
    upper = np.minimum(np.ceil(centre + 1.5 * radius) + 1, labels.shape).astype(int)
    if (upper <= lower).any():
        return 0
    box = tuple(slice(*bounds) for bounds in zip(lower, upper, strict=True))
    axes = np.ogrid[box]
    distance = sum(((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radius, strict=True))
    if min(upper - lower) > 8:
        distance = distance + 2 * roughness * smooth_noise(rng, distance.shape, 5)
    view = labels[box]
    inside = (distance <= 1) if over else (distance <= 1) & (view == 0)
    view[inside] = label
    return int(inside.sum())


def warp(
    labels: NDArray[np.unsignedinteger], rng: np.random.Generator, amplitude: tuple[float, ...], knots: int
) -> NDArray[np.unsignedinteger]:
    """Move every voxel by a smooth random displacement of ``amplitude`` voxels (standard deviation along each axis)."""
    field = rng.standard_normal([knots] * labels.ndim + [labels.ndim]) * np.array(amplitude)
    moved = np.zeros_like(labels)
    if labels.ndim == 3:
        _warp_3d(labels, field, moved)
    else:
        _warp_3d(labels[None], np.concatenate([np.zeros_like(field[..., :1]), field], -1)[None], moved[None])
    return moved


@numba.njit(inline="always")
def _cell(at, size, knots):  # type: ignore[no-untyped-def]
    """Return the knots on both sides of a position and the share of the second."""
    scaled = at * (knots - 1) / max(size - 1, 1)
    lower = min(int(scaled), max(knots - 2, 0))
    return lower, min(lower + 1, knots - 1), scaled - lower


@numba.njit(inline="always")
def _inside(at, size):  # type: ignore[no-untyped-def]
    return min(max(int(at + 0.5), 0), size - 1)


@numba.njit(parallel=True, cache=True)
def _warp_3d(labels, field, moved):  # type: ignore[no-untyped-def]
    depth, height, width = labels.shape
    for z in numba.prange(depth):
        z0, z1, fz = _cell(z, depth, field.shape[0])
        plane = field[z0] * (1 - fz) + field[z1] * fz
        for y in range(height):
            y0, y1, fy = _cell(y, height, field.shape[1])
            row = plane[y0] * (1 - fy) + plane[y1] * fy
            for x in range(width):
                x0, x1, fx = _cell(x, width, field.shape[2])
                moved[z, y, x] = labels[
                    _inside(z + row[x0, 0] * (1 - fx) + row[x1, 0] * fx, depth),
                    _inside(y + row[x0, 1] * (1 - fx) + row[x1, 1] * fx, height),
                    _inside(x + row[x0, 2] * (1 - fx) + row[x1, 2] * fx, width),
                ]
