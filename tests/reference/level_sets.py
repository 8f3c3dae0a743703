"""Nested regions the plain way: each region drawn, its voxels and its cut pairs counted, its indices added."""

import numpy as np


def measure_level_sets(levels, count, weights):
    sizes, cuts = np.zeros(count + 1, np.int64), np.zeros(count + 1)
    index_sums = np.zeros((count + 1, levels.ndim), np.int64)
    domain = levels >= 0
    for k in range(count + 1):
        region = domain & (levels < k)
        sizes[k] = region.sum()
        index_sums[k] = np.argwhere(region).sum(axis=0)
        for axis, weight in enumerate(weights):
            for index in np.ndindex(levels.shape):
                other = tuple(i + (a == axis) for a, i in enumerate(index))
                if other[axis] < levels.shape[axis] and domain[index] and domain[other]:
                    cuts[k] += weight[index] * (region[index] != region[other])
    return sizes, cuts, index_sums
