"""Gap by gap: flows, warped shapes, and the label each pixel lies deepest in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.propagation.gaps import Gap, gaps
from maskwright.interactive.propagation.request import Request
from maskwright.interactive.propagation.scene import Scene, Window, make_scene, widened
from maskwright.interactive.propagation.shapes import FAR, signed_distances
from maskwright.kernels.flow import optical_flows, warp
from maskwright.kernels.label_array import LabelArray

Flows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Filled:
    """The planes of a request, all filled; see ``Propagation``."""

    labels: LabelArray
    confidence: NDArray[np.float32]
    fallback: tuple[int, ...]


def fill(request: Request, *, quality: bool) -> Filled:
    """Return the filled planes."""
    labels = np.array(request.labels, order="C")
    confidence = np.zeros(labels.shape[0], np.float32)
    confidence[list(request.given)] = 1
    scene = make_scene(request)
    for gap in gaps(request):
        depth = np.zeros((len(gap.targets), *scene.planes([0]).shape[1:]), np.float32)
        found = np.zeros(depth.shape, labels.dtype)
        flows = _flows(scene, gap)
        for label in _labels(scene, gap):
            _carry(scene, gap, flows, label, found, depth)
        labels[(slice(gap.targets[0], gap.targets[-1] + 1), *scene.window)] = found
    return Filled(labels, confidence, ())


def _flows(scene: Scene, gap: Gap) -> tuple[Flows | None, Flows | None]:
    """Return the flows from each target to the given slice on either side."""
    targets = scene.planes(gap.targets)

    def to(given: int | None) -> Flows | None:
        if given is None:
            return None
        return optical_flows(targets, np.repeat(scene.planes([given]), len(gap.targets), axis=0))

    return to(gap.before), to(gap.after)


def _labels(scene: Scene, gap: Gap) -> list[int]:
    """Return the labels of the given slices on either side, in order."""
    sides = [np.unique(scene.labels(given)) for given in (gap.before, gap.after) if given is not None]
    return [int(label) for label in np.unique(np.concatenate(sides)) if label]


def _carry(
    scene: Scene,
    gap: Gap,
    flows: tuple[Flows | None, Flows | None],
    label: int,
    found: LabelArray,
    depth: NDArray[np.float32],
) -> None:
    """Write one label where it lies deeper than the labels before it."""
    sides = [given for given in (gap.before, gap.after) if given is not None]
    masks = np.stack([scene.labels(given) == label for given in sides])
    box: Window = widened(np.logical_or.reduce(masks))
    distances = dict(zip(sides, signed_distances(masks[(slice(None), *box)], scene.request.spacing_mm)))
    for k, target in enumerate(gap.targets):
        share = gap.share(target)
        shape = np.zeros(found[(k, *box)].shape, np.float32)
        for given, side, weight in ((gap.before, flows[0], 1 - share), (gap.after, flows[1], share)):
            if given is not None and side is not None:
                shape += np.float32(weight) * warp(distances[given], side[(k, slice(None), *box)])
        np.clip(shape, -FAR, FAR, out=shape)
        deeper = shape > depth[(k, *box)]
        found[(k, *box)][deeper] = label
        depth[(k, *box)][deeper] = shape[deeper]
