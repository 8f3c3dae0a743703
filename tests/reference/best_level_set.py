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


def border_of(region, domain, features):
    """Weighted faces between the region and the rest of the domain, and at the ends of the window."""
    total = 0.0
    for axis, weight in enumerate(features.weights):
        for index in np.ndindex(region.shape):
            other = tuple(i + (k == axis) for k, i in enumerate(index))
            if other[axis] < region.shape[axis] and domain[index] and domain[other]:
                total += float(weight[index]) * (region[index] != region[other])
        face = np.moveaxis(region, axis, 0)
        total += face[0].sum() * features.ends[axis][0] + face[-1].sum() * features.ends[axis][1]
    return total


def cost(region, domain, features, prior, base_border, small_ball):
    dims = region.ndim
    size = region.sum() * features.voxel_size
    expected = small_ball[dims] if prior.size is None else prior.size
    border = border_of(region, domain, features) + base_border * ball(expected, dims)[0]
    total_cost = math.log(border) - (dims - 1) / dims * math.log(size)
    if prior.size is not None:
        strictness = prior.strictness if size > prior.size else prior.strictness_below
        total_cost += strictness * math.log(size / prior.size) ** 2
    total_cost += prior.smallness * region.mean()
    if prior.centre is not None:
        centre = np.argwhere(region).mean(axis=0)
        offset = (centre - prior.centre) * np.array(features.spacing_mm) / features.unit_mm
        total_cost += prior.centre_weight * (offset**2).sum() / ball(size, dims)[1] ** 2
    if prior.extent is not None:
        valid = region & prior.extent.valid
        inside = prior.extent.inside & prior.extent.valid & domain
        dice = 2 * (valid & inside).sum() / max(valid.sum() + inside.sum(), 1)
        total_cost += prior.extent_weight * (1 - dice)
    return total_cost
