"""The graph cut two plain ways: every mask tried, and SciPy's maximum flow on the explicit graph.

Both take whole numbers (the costs may be infinite), so sums are exact, and return the smallest of the best masks.
"""

from itertools import product

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

HARD = 10**8


def energy(mask, foreground_cost, background_cost, weights):
    total = np.where(mask, foreground_cost, background_cost).sum(dtype=np.float64)
    for here, there, weight in pairs(mask.shape, weights):
        total += weight * (mask[here] != mask[there])
    return total


def pairs(shape, weights):
    for axis, array in enumerate(weights):
        for here in np.ndindex(shape):
            if here[axis] + 1 < shape[axis]:
                yield here, tuple(i + (a == axis) for a, i in enumerate(here)), array[here]


def every_mask(foreground_cost, background_cost, weights, free, start):
    foreground_cost = np.where(free, foreground_cost, 0)
    background_cost = np.where(free, background_cost, 0)
    best, least = None, np.inf
    # In order of size, so that the first of the best is the smallest.
    for values in sorted(product((False, True), repeat=int(free.sum())), key=sum):
        mask = start.copy()
        mask[free] = values
        cost = energy(mask, foreground_cost, background_cost, weights)
        if cost < least:
            best, least = mask, cost
    return best


def maximum_flow_cut(foreground_cost, background_cost, weights, free, start):
    shape = free.shape
    number = np.arange(free.size).reshape(shape)
    source, sink = free.size, free.size + 1
    # Voxels that are not free are held to their side by a cost no cut can pay.
    to_source = np.where(free, np.minimum(background_cost, HARD), np.where(start, HARD, 0)).ravel()
    to_sink = np.where(free, np.minimum(foreground_cost, HARD), np.where(start, 0, HARD)).ravel()
    rows, columns, values = [], [], []
    for axis, array in enumerate(weights):
        here = np.take(number, range(shape[axis] - 1), axis=axis).ravel()
        there = np.take(number, range(1, shape[axis]), axis=axis).ravel()
        weight = np.take(array, range(shape[axis] - 1), axis=axis).ravel()
        rows += [here, there]
        columns += [there, here]
        values += [weight, weight]
    rows += [np.full(free.size, source), number.ravel()]
    columns += [number.ravel(), np.full(free.size, sink)]
    values += [to_source, to_sink]
    entries = np.concatenate(values).astype(np.int32)
    capacity = csr_array((entries, (np.concatenate(rows), np.concatenate(columns))), shape=(sink + 1, sink + 1))
    left = capacity - maximum_flow(capacity, source, sink).flow
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    mask = np.zeros(sink + 1, bool)
    mask[reached] = True
    return mask[: free.size].reshape(shape)
