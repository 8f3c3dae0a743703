"""Connected components the plain way: a flood fill from each voxel not yet numbered, in C order."""

from itertools import product

import numpy as np

# How many axes two neighbours may differ on, for each connectivity.
STEPS = {4: 1, 8: 2, 6: 1, 18: 2, 26: 3}


def label_components(array, connectivity):
    offsets = [o for o in product((-1, 0, 1), repeat=array.ndim) if 0 < np.abs(o).sum() <= STEPS[connectivity]]
    labels = np.zeros(array.shape, np.uint32)
    count = 0
    for seed in np.ndindex(array.shape):
        if array[seed] == 0 or labels[seed]:
            continue
        count += 1
        labels[seed] = count
        waiting = [seed]
        while waiting:
            here = waiting.pop()
            for offset in offsets:
                there = tuple(i + o for i, o in zip(here, offset))
                inside = all(0 <= i < n for i, n in zip(there, array.shape))
                if inside and array[there] == array[seed] and labels[there] == 0:
                    labels[there] = count
                    waiting.append(there)
    return labels, count
