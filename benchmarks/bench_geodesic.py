"""Geodesic distances of a whole image and within a limit, beside SciPy on the same graph and peers of other paths."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rows import Row, row_of_timings
from synthesis import smooth_noise
from timing import Outcome, interleave, timed

NAME = "geodesic"
CASES = ("plane-256", "plane-512", "color-512", "cube-96", "near-click")
CONTRAST = 2.0  # on images of unit variance: a usual edge costs about as much as a step, a strong one ten times that
LIMIT_MM = 25.0
NOTES = {
    "scipy": "csgraph.dijkstra; its graph of the same edges is made beforehand",
    "skimage": "MCP_Geometric on 1 + contrast * gradient: the same neighbours, another length",
    "simpleitk": "FastMarching at speed 1 / (1 + contrast * gradient): no grid paths, another length",
}


@dataclass(frozen=True, eq=False)
class Scene:
    """An image, perhaps with a last axis of channels, and one click in its middle."""

    image: NDArray[np.float32]
    seeds: NDArray[np.bool_]
    spacing_mm: tuple[float, ...]
    limit: float = math.inf


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the rows of one case."""
    from maskwright.kernels.geodesic import geodesic_distance

    scene = build(case_name, quick=quick)
    options = {"contrast": CONTRAST, "limit": scene.limit}
    contestants: dict[str, Callable[[], Outcome]] = {
        "maskwright": timed(lambda: geodesic_distance(scene.image, scene.seeds, scene.spacing_mm, **options))
    }
    notes = dict(NOTES)
    if case_name == "near-click":
        small = near(scene)
        contestants["maskwright-crop"] = timed(
            lambda: geodesic_distance(small.image, small.seeds, small.spacing_mm, **options)
        )
        contestants["allocation"] = timed(lambda: np.full(scene.seeds.shape, np.inf, np.float32))
        notes["maskwright-crop"] = "the box that the limit can reach, alone"
        notes["allocation"] = "an infinite array of the image's size"
    else:
        graph, seeds = edges(scene), np.flatnonzero(scene.seeds)
        found = geodesic_distance(scene.image, scene.seeds, scene.spacing_mm, **options)
        gap = np.abs(found.reshape(-1) / np.maximum(by_scipy(graph, seeds), 1e-9) - 1)[~scene.seeds.reshape(-1)]
        notes["scipy"] += f"; distances differ by at most {gap.max():.1e} of their size"
        contestants["scipy"] = timed(lambda: by_scipy(graph, seeds))
        contestants["skimage"] = timed(lambda: by_skimage(scene))
        contestants["simpleitk"] = timed(lambda: by_simpleitk(scene))
    timings = interleave(contestants, rounds=15)
    return [row_of_timings(NAME, case_name, name, each, notes.get(name, "")) for name, each in timings.items()]


def build(name: str, *, quick: bool) -> Scene:
    """Return the scene of a case: smooth organs under noise."""
    shrink = 2 if quick else 1
    shape = {"cube-96": (96, 96, 96), "plane-256": (256, 256), "near-click": (256, 512, 512)}.get(name, (512, 512))
    shape = tuple(size // shrink for size in shape)
    rng = np.random.default_rng(6)
    image = smooth_noise(rng, shape, 24).astype(np.float32)
    if name == "color-512":
        image = np.stack([image, smooth_noise(rng, shape, 24), smooth_noise(rng, shape, 24)], axis=-1)
    image = image.astype(np.float32)
    image += np.float32(0.2) * rng.standard_normal(image.shape, dtype=np.float32)
    seeds = np.zeros(shape, bool)
    seeds[tuple(size // 2 for size in shape)] = True
    return Scene(image, seeds, (1.5, 0.8, 0.8)[-len(shape) :], LIMIT_MM if name == "near-click" else math.inf)


def near(scene: Scene) -> Scene:
    """Return the box that the limit can reach from the middle."""
    box = tuple(
        slice(max(size // 2 - math.ceil(scene.limit / step), 0), size // 2 + math.ceil(scene.limit / step) + 1)
        for size, step in zip(scene.seeds.shape, scene.spacing_mm, strict=True)
    )
    return Scene(scene.image[box], scene.seeds[box], scene.spacing_mm, scene.limit)


def edges(scene: Scene):  # type: ignore[no-untyped-def]
    """Return the graph of all neighbours as a sparse matrix of our lengths, each edge once."""
    import scipy.sparse

    shape = scene.seeds.shape
    numbers = np.arange(scene.seeds.size, dtype=np.int32).reshape(shape)
    channels = scene.image.reshape(*shape, -1).astype(np.float64)
    from_, to, lengths = [], [], []
    half = [step for step in np.ndindex(*(3,) * len(shape)) if step > (1,) * len(shape)]
    for step in np.array(half) - 1:
        here = tuple(slice(max(-s, 0), size - max(s, 0)) for s, size in zip(step, shape, strict=True))
        there = tuple(slice(max(s, 0), size - max(-s, 0)) for s, size in zip(step, shape, strict=True))
        changes = ((CONTRAST * (channels[there] - channels[here])) ** 2).sum(axis=-1)
        from_.append(numbers[here].reshape(-1))
        to.append(numbers[there].reshape(-1))
        lengths.append(np.sqrt(((step * np.array(scene.spacing_mm)) ** 2).sum() + changes).reshape(-1))
    ends = np.concatenate(from_), np.concatenate(to)
    matrix = scipy.sparse.coo_array((np.concatenate(lengths), ends), shape=(numbers.size, numbers.size))
    return (matrix + matrix.T).tocsr()


def by_scipy(graph, seeds: NDArray[np.int64]) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    from scipy.sparse.csgraph import dijkstra

    return np.asarray(dijkstra(graph, indices=seeds, min_only=True))


def gradient(scene: Scene) -> NDArray[np.float64]:
    """Return the size of the gradient, over channels too."""
    ndim = scene.seeds.ndim
    slopes = np.gradient(scene.image, *scene.spacing_mm, axis=tuple(range(ndim)))
    squared = sum(slope.astype(np.float64) ** 2 for slope in slopes)
    return np.sqrt(squared if scene.image.ndim == ndim else squared.sum(axis=-1))


def by_skimage(scene: Scene) -> NDArray[np.float64]:
    from skimage.graph import MCP_Geometric

    costs = 1 + CONTRAST * gradient(scene)
    return np.asarray(MCP_Geometric(costs, sampling=scene.spacing_mm).find_costs(np.argwhere(scene.seeds))[0])


def by_simpleitk(scene: Scene) -> NDArray[np.float64]:
    import SimpleITK as sitk  # noqa: N813

    speed = sitk.GetImageFromArray(1 / (1 + CONTRAST * gradient(scene)))
    speed.SetSpacing(scene.spacing_mm[::-1])
    marching = sitk.FastMarchingImageFilter()
    marching.SetTrialPoints([[int(at) for at in place[::-1]] for place in np.argwhere(scene.seeds)])
    return sitk.GetArrayFromImage(marching.Execute(speed))
