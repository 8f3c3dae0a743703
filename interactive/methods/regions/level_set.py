"""The best level set of a distance from a prompt: the region whose border is weak for its size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.features import Features
from maskwright.kernels.level_sets import LevelSetMeasures, measure_level_sets

LEVELS = 300
# A whole domain has no border at all: this share of an expected border is added, so that it does not win for that.
# Where no size is expected the border is that of a ball of eight units, so that no speck wins for a lucky border.
BASE_BORDER = 0.1
SMALL_BALL = {2: math.pi * 8.0**2, 3: 4 / 3 * math.pi * 8.0**3}


@dataclass(frozen=True, eq=False)
class ExtentPrior:
    """An extent from elsewhere, a network say: ``inside`` counts where ``valid`` is, and nowhere else.

    Both are bool masks of one shape.
    """

    inside: NDArray[np.bool_]
    valid: NDArray[np.bool_]

    @staticmethod
    def everywhere(inside: NDArray[np.bool_]) -> ExtentPrior:
        """Return a prior that is valid at every voxel."""
        return ExtentPrior(inside, np.ones(inside.shape, np.bool_))


@dataclass(frozen=True, eq=False)
class RegionPrior:
    """Expectations of a region, besides a weak border.

    ``size`` is its volume in units (see ``Features``), with ``strictness`` for larger regions and ``strictness_below``
    for smaller ones; ``None`` if it is unknown. ``least`` and ``most`` bound it. ``smallness`` is the cost of a region
    that fills the window. ``centre`` is an index, with ``centre_weight``. ``extent`` is compared by Dice, with
    ``extent_weight``.
    """

    size: float | None = None
    strictness: float = 1.0
    strictness_below: float = 1.0
    least: float = 0.0
    most: float = math.inf
    smallness: float = 0.0
    centre: tuple[float, ...] | None = None
    centre_weight: float = 0.0
    extent: ExtentPrior | None = None
    extent_weight: float = 0.0


def best_level_set(
    distance_mm: NDArray[np.float32], domain: NDArray[np.bool_], features: Features, prior: RegionPrior
) -> NDArray[np.bool_]:
    """Return the region {distance < t} within the domain that costs least over all t.

    The cost is ``log(border) - (d - 1) / d * log(size)``: the isoperimetric ratio, with each face of the border
    weighted by the similarity of the voxels on both sides; plus the terms of ``RegionPrior``, each times its weight:
    the squared log of the size over the expected one, the share of the window, the squared distance of the centres
    over the squared radius of a ball of that size, one minus the Dice with the extent. Faces on the border of the
    domain are free; those at the window's ends have the weights of ``Features``.
    Ties go to the smallest region. The result is empty only if no distance in the domain is finite.
    """
    levels = _levels(distance_mm, domain, features.unit_mm)
    measures = measure_level_sets(*_with_ends(levels, features))
    sizes = measures.sizes * features.voxel_size
    dims = distance_mm.ndim
    border = np.maximum(measures.cuts, 0)
    border += BASE_BORDER * _ball_border(SMALL_BALL[dims] if prior.size is None else prior.size, dims)
    log_sizes = np.log(np.maximum(sizes, 1e-9))
    cost = np.log(border) - (dims - 1) / dims * log_sizes
    if prior.size is not None:
        excess = log_sizes - math.log(prior.size)
        cost += np.where(excess > 0, prior.strictness, prior.strictness_below) * excess**2
    cost += prior.smallness * measures.sizes / distance_mm.size
    if prior.centre is not None:
        cost += prior.centre_weight * _off_centre(measures, prior.centre, features)
    if prior.extent is not None:
        cost += prior.extent_weight * (1 - _dice_of_levels(levels, prior.extent))
    allowed = (sizes >= prior.least) & (sizes <= prior.most) & (sizes > 0)
    if allowed.any():
        best = int(np.argmin(np.where(allowed, cost, np.inf)))
    else:  # the domain is smaller than the least size, or its first level is larger than the most
        best = int(np.argmax(sizes >= min(prior.least, sizes[-1])))
    return np.asarray((levels >= 0) & (levels < best))


def _levels(distance_mm: NDArray[np.float32], domain: NDArray[np.bool_], unit_mm: float) -> NDArray[np.int32]:
    """Return distances as levels on a logarithmic scale; -1 outside the domain."""
    finite = domain & np.isfinite(distance_mm)
    levels = np.where(domain, LEVELS, -1).astype(np.int32)
    if not finite.any():
        return levels
    values = np.log(np.maximum(distance_mm[finite] / unit_mm, 1.0))
    top = max(float(values.max()), 1e-3)
    levels[finite] = np.minimum(values * ((LEVELS - 1) / top), LEVELS - 1).astype(np.int32)
    return levels


def _with_ends(
    levels: NDArray[np.int32], features: Features
) -> tuple[NDArray[np.int32], int, tuple[NDArray[np.float32], ...]]:
    """Return the levels with a layer around them that never joins, and weights that hold the ends of the window."""
    padded = np.pad(levels, 1, constant_values=LEVELS)
    weights = []
    for axis, (weight, (lower, upper)) in enumerate(zip(features.weights, features.ends)):
        around = np.pad(weight, 1)
        line = [slice(1, -1)] * weight.ndim
        line[axis] = slice(0, 1)
        around[tuple(line)] = lower
        line[axis] = slice(-2, -1)
        around[tuple(line)] = upper
        weights.append(around)
    return padded, LEVELS, tuple(weights)


def _ball_border(size: float, dims: int) -> float:
    """Return the border of a disc or ball of this size."""
    return 2 * math.sqrt(math.pi * size) if dims == 2 else (36 * math.pi) ** (1 / 3) * size ** (2 / 3)


def _off_centre(measures: LevelSetMeasures, centre: tuple[float, ...], features: Features) -> NDArray[np.float64]:
    """Return the squared distance of each region's centre from another, over the squared radius of such a ball."""
    counts = np.maximum(measures.sizes, 1)
    steps = np.array(features.spacing_mm) / features.unit_mm
    offsets = (measures.index_sums / counts[:, None] - 1 - np.array(centre)) * steps
    sizes = counts * features.voxel_size
    squares = sizes / math.pi if len(centre) == 2 else (sizes * 3 / (4 * math.pi)) ** (2 / 3)
    ratio: NDArray[np.float64] = (offsets**2).sum(axis=1) / squares
    return ratio


def _dice_of_levels(levels: NDArray[np.int32], extent: ExtentPrior) -> NDArray[np.float64]:
    """Return the Dice of each region with the extent, where that is valid."""
    valid = extent.valid & (levels >= 0)
    sizes, common = (np.bincount(levels[part], minlength=LEVELS + 1) for part in (valid, valid & extent.inside))
    both, regions = (np.concatenate([[0], np.cumsum(counts[:LEVELS])]) for counts in (common, sizes))
    dice: NDArray[np.float64] = 2 * both / np.maximum(regions + common.sum(), 1)
    return dice
