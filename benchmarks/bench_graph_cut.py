"""Minimum cuts of whole images and of a band around a border, beside PyMaxflow and SciPy.

PyMaxflow is GPL and in none of our extras: install it by hand, or its rows say that it is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rows import Row, row_of_timings
from synthesis import smooth_noise
from timing import Outcome, interleave, timed

NAME = "cut"
CASES = ("plane-256", "plane-512", "cube-64", "cube-96", "band-96")
NOTES = {
    "pymaxflow": "GraphFloat: the grid, its edges, the flow and the segments, as its users write it",
    "scipy": "csgraph.maximum_flow in whole numbers; its graph is made beforehand",
}
WHOLE = 1000
"""SciPy takes whole numbers: costs and weights are multiplied by this and rounded, for all alike."""

Mask = NDArray[np.bool_]
Costs = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scene:
    """Costs of a voxel inside and outside, weights an axis, and the voxels to decide."""

    inside: Costs
    outside: Costs
    weights: tuple[Costs, ...]
    free: Mask
    start: Mask


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the rows of one case."""
    from maskwright.kernels.graph_cut import graph_cut

    scene = build(case_name, quick=quick)

    def ours() -> Mask:
        return graph_cut(scene.inside, scene.outside, scene.weights, scene.free, scene.start)

    contestants: dict[str, Callable[[], Outcome]] = {"maskwright": timed(ours)}
    notes, missing = dict(NOTES), []
    if scene.free.all():
        graph = edges(scene)
        contestants["scipy"] = timed(lambda: by_scipy(graph))
        try:
            gap = cost(scene, by_pymaxflow(scene)) - cost(scene, ours())
            notes["pymaxflow"] += f"; its cut costs {gap:g} more"
            contestants["pymaxflow"] = timed(lambda: by_pymaxflow(scene))
        except ImportError:
            missing.append(Row(NAME, case_name, "pymaxflow", "s", failed="PyMaxflow is not installed"))
    timings = interleave(contestants, rounds=9)
    return [
        row_of_timings(NAME, case_name, name, each, notes.get(name, "")) for name, each in timings.items()
    ] + missing


def build(name: str, *, quick: bool) -> Scene:
    """Return the scene of a case: organs under noise, costs by intensity, and weak borders where intensities change."""
    kind, side = name.split("-")
    shape = (int(side) // (2 if quick else 1),) * (2 if kind == "plane" else 3)
    rng = np.random.default_rng(8)
    organs = smooth_noise(rng, shape, 8)
    image = (organs > 0.3) + 0.6 * rng.standard_normal(shape)
    log_odds = 2 * (image - 0.5)
    weights = []
    for axis in range(len(shape)):
        change = np.diff(image, axis=axis, append=image.take([-1], axis))
        weights.append(whole(2 * np.exp(-(change**2))))
    free = np.abs(organs - 0.3) < 0.2 if kind == "band" else np.ones(shape, bool)
    return Scene(whole(np.maximum(-log_odds, 0)), whole(np.maximum(log_odds, 0)), tuple(weights), free, organs > 0.3)


def whole(values: NDArray[Any]) -> Costs:
    return np.rint(values * WHOLE).astype(np.float32)


def cost(scene: Scene, mask: Mask) -> float:
    total = np.where(mask, scene.inside, scene.outside).sum(dtype=np.float64)
    for axis, weight in enumerate(scene.weights):
        cut = np.diff(mask, axis=axis)
        total += float(np.delete(weight, -1, axis)[cut].sum(dtype=np.float64))
    return float(total)


def by_pymaxflow(scene: Scene) -> Mask:
    import maxflow

    graph = maxflow.GraphFloat()
    nodes = graph.add_grid_nodes(scene.inside.shape)
    for axis, weight in enumerate(scene.weights):
        structure = np.zeros((3,) * weight.ndim)
        structure[tuple(2 if k == axis else 1 for k in range(weight.ndim))] = 1
        graph.add_grid_edges(nodes, weight, structure, symmetric=True)
    graph.add_grid_tedges(nodes, scene.outside, scene.inside)
    graph.maxflow()
    return ~np.asarray(graph.get_grid_segments(nodes))


def edges(scene: Scene) -> Any:
    """Return the explicit graph: voxels, then the source, then the sink."""
    from scipy.sparse import coo_array

    numbers = np.arange(scene.inside.size).reshape(scene.inside.shape)
    source, sink = numbers.size, numbers.size + 1
    from_, to, capacity = [], [], []
    for axis, weight in enumerate(scene.weights):
        here, there = np.delete(numbers, -1, axis).reshape(-1), np.delete(numbers, 0, axis).reshape(-1)
        from_ += [here, there]
        to += [there, here]
        capacity += [np.delete(weight, -1, axis).reshape(-1)] * 2
    every = numbers.reshape(-1)
    from_ += [np.full(every.size, source), every]
    to += [every, np.full(every.size, sink)]
    capacity += [scene.outside.reshape(-1), scene.inside.reshape(-1)]
    ends = np.concatenate(from_), np.concatenate(to)
    return coo_array((np.concatenate(capacity).astype(np.int32), ends), shape=(sink + 1, sink + 1)).tocsr()


def by_scipy(graph: Any) -> Any:
    from scipy.sparse.csgraph import maximum_flow

    return maximum_flow(graph, graph.shape[0] - 2, graph.shape[0] - 1)
