"""Nearest points the plain way: every query against every target."""

import numpy as np


def nearest_squares(queries, targets, shape, weights):
    """The smallest weighted square from each flat index of ``queries`` to any of ``targets``; infinity without one."""
    if len(targets) == 0:
        return np.full(len(queries), np.inf)
    here, there = (np.array(np.unravel_index(points, shape)).T.astype(float) for points in (queries, targets))
    return np.array([(((there - point) ** 2) @ np.array(weights)).min() for point in here])


def group_squares(queries, targets, lattice):
    """``nearest_squares`` of each group, one after the other."""
    squares = [
        nearest_squares(queries[group], targets[group], lattice.shape, lattice.weights) for group in range(len(queries))
    ]
    return np.concatenate(squares) if squares else np.empty(0)
