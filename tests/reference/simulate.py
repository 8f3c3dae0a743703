"""The simulated annotator the plain way: SciPy over the whole image, the largest component, its deepest voxel."""

import numpy as np
from scipy.ndimage import distance_transform_edt, generate_binary_structure, label


def next_click(reference, prediction, spacing_mm):
    """Index and sense of the next click, or None; ties by the lowest index."""
    if prediction is None:
        prediction = np.zeros_like(reference)
    best = None
    for positive, error in ((True, reference & ~prediction), (False, prediction & ~reference)):
        labels, count = label(error, generate_binary_structure(error.ndim, 1))
        for number in range(1, count + 1):
            component = labels == number
            rank = (-component.sum(), np.flatnonzero(component)[0])  # larger, then the lower first voxel
            if best is None or rank < best[0]:
                best = rank, positive, component
    if best is None:
        return None
    _, positive, component = best
    padded = distance_transform_edt(np.pad(component, 1), spacing_mm)[(slice(1, -1),) * component.ndim]
    deepest = np.flatnonzero(padded.ravel() >= padded.max() * (1 - 1e-9))[0]
    return tuple(int(i) for i in np.unravel_index(deepest, component.shape)), positive
