"""Seeded pairs of small label maps of every kind that matters, and every memory layout they can come in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

KINDS = ("empty", "full", "voxel", "noise", "blobs", "touching", "missing")
LAYOUTS = ("c", "f", "reversed", "sliced", "transposed")
SPACINGS = (0.5, 0.7, 0.8, 1.0, 1.3, 2.0, 3.0, 6.5)
# The largest value of each type is a label too; a table as long as the largest label would not do.
LABELS = {
    "bool": (1,),
    "uint8": (1, 2, 7, 255),
    "uint16": (1, 2, 300, 65535),
    "uint32": (1, 3, 70_000, 4_294_967_295),
}


@dataclass(frozen=True)
class LabelPair:
    """Two label maps on one grid, C-ordered, and the spacing of that grid."""

    reference: np.ndarray
    prediction: np.ndarray
    spacing_mm: tuple[float, ...]


def draw_label_map(rng, shape, dtype, kind):
    """Return one label map of a kind: see ``KINDS``."""
    labels = np.array(LABELS[dtype], dtype)
    array = np.zeros(shape, dtype)
    if kind == "full":
        array[:] = rng.choice(labels)
    elif kind == "voxel":
        array[tuple(rng.integers(shape))] = rng.choice(labels)
    elif kind == "noise":
        inside = rng.random(shape) < rng.uniform(0.05, 0.9)
        array[inside] = rng.choice(labels, int(inside.sum()))
    elif kind in ("blobs", "missing"):
        for label in labels[:-1] if kind == "missing" else labels:
            array[ball(rng, shape)] = label
    elif kind == "touching":
        for axis, size in enumerate(shape):
            edge = [slice(None)] * len(shape)
            edge[axis] = slice(0, int(rng.integers(1, size + 1)))
            array[tuple(edge)] = rng.choice(labels)
            array[ball(rng, shape)] = 0
    return array


def ball(rng, shape):
    """Return an ellipsoid anywhere on the grid, cut by its edge or not."""
    centre, radius = rng.uniform(0, shape), rng.uniform(0.6, 0.6 + np.array(shape) / 2)
    axes = np.ogrid[tuple(slice(size) for size in shape)]
    return sum(((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radius, strict=True)) <= 1


def disturb(rng, array, dtype):
    """Return a prediction that resembles ``array``: shifted by up to two voxels, with a few voxels wrong."""
    shift = rng.integers(-2, 3, array.ndim)
    out = np.roll(array, shift, range(array.ndim))
    wrong = rng.random(array.shape) < rng.choice([0.0, 0.01, 0.2])
    out[wrong] = rng.choice(np.array((0, *LABELS[dtype]), dtype), int(wrong.sum()))
    return out


def make_pair(seed, shape, dtype, kinds, related):
    """Return the pair of one seed; ``related`` makes the prediction out of the reference."""
    rng = np.random.default_rng(seed)
    reference = draw_label_map(rng, shape, dtype, kinds[0])
    prediction = disturb(rng, reference, dtype) if related else draw_label_map(rng, shape, dtype, kinds[1])
    return LabelPair(reference, prediction, tuple(float(step) for step in rng.choice(SPACINGS, len(shape))))


def label_pairs(dtypes=tuple(LABELS), kinds=KINDS, dims=(2, 3)):
    """Return a hypothesis strategy of ``LabelPair``."""
    shapes = st.one_of(
        *([st.tuples(*[st.integers(1, 16)] * 2)] if 2 in dims else []),
        *([st.tuples(*[st.integers(1, 10)] * 2, st.integers(1, 20))] if 3 in dims else []),
    )
    return st.builds(
        make_pair,
        seed=st.integers(0, 2**32 - 1),
        shape=shapes,
        dtype=st.sampled_from(dtypes),
        kinds=st.tuples(st.sampled_from(kinds), st.sampled_from(kinds)),
        related=st.booleans(),
    )


def lay_out(array, layout):
    """Return an array equal to ``array`` that lies otherwise in memory: see ``LAYOUTS``."""
    if layout == "f":
        return np.asfortranarray(array)
    if layout == "reversed":
        whole = tuple(slice(None, None, -1) for _ in array.shape)
        return np.ascontiguousarray(array[whole])[whole]
    if layout == "sliced":
        # Every second voxel of a larger array that is full of another label in between.
        wide = np.ones([2 * size + 1 for size in array.shape], array.dtype)
        view = wide[tuple(slice(1, None, 2) for _ in array.shape)]
        view[...] = array
        return view
    if layout == "transposed":
        order = np.roll(range(array.ndim), 1)
        return np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order))
    return np.ascontiguousarray(array)
