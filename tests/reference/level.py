"""The best level set the plain way: every threshold tried, its region drawn and its cost written out."""

import math

import numpy as np


def ball(size, dims):
    """Border and radius of a disc or ball of a size."""
    if dims == 2:
        radius = math.sqrt(size / math.pi)
        return 2 * math.pi * radius, radius
    radius = (size * 3 / (4 * math.pi)) ** (1 / 3)
    return 4 * math.pi * radius**2, radius


def border_of(region, domain, sight):
    """Weighted faces between the region and the rest of the domain, and at the ends of the window."""
    total = 0.0
    for axis, weight in enumerate(sight.weights):
        for index in np.ndindex(region.shape):
            other = tuple(i + (k == axis) for k, i in enumerate(index))
            if other[axis] < region.shape[axis] and domain[index] and domain[other]:
                total += float(weight[index]) * (region[index] != region[other])
        face = np.moveaxis(region, axis, 0)
        total += face[0].sum() * sight.ends[axis][0] + face[-1].sum() * sight.ends[axis][1]
    return total


def cost(region, domain, sight, wanted, base_border, small_ball):
    dims = region.ndim
    size = region.sum() * sight.voxel_size
    expected = small_ball[dims] if wanted.size is None else wanted.size
    border = border_of(region, domain, sight) + base_border * ball(expected, dims)[0]
    found = math.log(border) - (dims - 1) / dims * math.log(size)
    if wanted.size is not None:
        strictness = wanted.strictness if size > wanted.size else wanted.strictness_below
        found += strictness * math.log(size / wanted.size) ** 2
    found += wanted.smallness * region.mean()
    if wanted.middle is not None:
        centre = np.argwhere(region).mean(axis=0)
        offset = (centre - wanted.middle) * np.array(sight.spacing_mm) / sight.unit_mm
        found += wanted.centredness * (offset**2).sum() / ball(size, dims)[1] ** 2
    if wanted.proposal is not None:
        proposed, shown = wanted.proposal.inside & wanted.proposal.seen & domain, region & wanted.proposal.seen
        found += wanted.trust * (1 - 2 * (shown & proposed).sum() / max(shown.sum() + proposed.sum(), 1))
    return found
