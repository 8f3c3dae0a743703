"""Joint label counts the plain way: one sorted list of pairs."""

import numpy as np


def count_overlaps(reference, prediction):
    """The (reference, prediction) pairs that occur, sorted, and how many voxels carry each."""
    pairs = np.stack([reference.ravel(), prediction.ravel()], axis=1).astype(np.uint64)
    return np.unique(pairs, axis=0, return_counts=True)


def count_labels(array):
    """The labels of one array, sorted, and their voxels."""
    return np.unique(array.astype(np.uint64), return_counts=True)
