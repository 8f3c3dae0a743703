"""Distance transforms the plain way: every voxel against every other."""

import numpy as np


def distance_transform(labels, spacing_mm, edge_is_border):
    """Distance in mm from each labelled voxel to the nearest voxel of another label; one layer more is background."""
    padded = np.pad(labels, 1) if edge_is_border else labels
    places = np.indices(padded.shape).reshape(labels.ndim, -1).T * np.array(spacing_mm)
    values = padded.ravel()
    distances = np.zeros(values.size)
    for i in np.flatnonzero(values):
        others = places[values != values[i]]
        distances[i] = min((np.sqrt(((other - places[i]) ** 2).sum()) for other in others), default=np.inf)
    distances = distances.reshape(padded.shape)
    return distances[(slice(1, -1),) * labels.ndim] if edge_is_border else distances


def distance_to(mask, spacing_mm):
    """Distance in mm from each voxel to the nearest true voxel."""
    places = np.indices(mask.shape).reshape(mask.ndim, -1).T * np.array(spacing_mm)
    targets = places[mask.ravel()]
    nearest = [min((np.sqrt(((t - p) ** 2).sum()) for t in targets), default=np.inf) for p in places]
    return np.array(nearest, float).reshape(mask.shape)
