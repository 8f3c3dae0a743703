"""Seeded groups of lattice points of every kind that a search must cope with."""

import numpy as np

from maskwright.kernels.point_groups import PointGroups

GROUP_KINDS = ("empty", "single", "few", "sparse", "dense", "sheet", "low corner", "high corner", "full")


def draw_points(rng, shape, kind):
    """Return ascending flat indices on the grid; there is at least one unless the kind is empty."""
    inside = np.zeros(shape, bool)
    size = inside.size
    if kind == "single":
        inside.flat[rng.integers(size)] = True
    elif kind == "few":
        inside.flat[rng.integers(size, size=rng.integers(2, 33))] = True
    elif kind == "sparse":
        inside.flat[rng.integers(size, size=200)] = True
    elif kind == "dense":
        inside = rng.random(shape) < rng.uniform(0.2, 0.8)
        inside.flat[rng.integers(size)] = True
    elif kind == "sheet":
        inside[rng.integers(shape[0])] = rng.random(shape[1:]) < 0.7
        inside.flat[rng.integers(size)] = True
    elif kind == "low corner":
        inside[tuple(slice(0, 4) for _ in shape)] = True
    elif kind == "high corner":
        inside[tuple(slice(max(0, length - 4), None) for length in shape)] = True
    elif kind == "full":
        inside[:] = True
    return np.flatnonzero(inside)


def make_groups(seed, shape, kinds, dtype=np.uint32):
    """Return one group a kind, of at most 2000 points each."""
    rng = np.random.default_rng(seed)
    groups = [draw_points(rng, shape, kind) for kind in kinds]
    groups = [np.sort(rng.choice(group, 2000, replace=False)) if len(group) > 2000 else group for group in groups]
    return from_lists(groups, shape, dtype)


def from_lists(groups, shape, dtype=np.uint32):
    """Return the groups one after the other."""
    offsets = np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64)
    return PointGroups(np.concatenate([np.empty(0, dtype), *groups]).astype(dtype), offsets, shape)
