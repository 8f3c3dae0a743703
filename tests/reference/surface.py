"""Surfaces the plain way: erosion for voxels, a look at every block for elements."""

from itertools import product

import numpy as np
from scipy.ndimage import binary_erosion


def surface_voxels(array, label):
    """Flat indices of the voxels of ``label`` that erosion takes away; beyond the edge is background."""
    mask = array == label
    return np.flatnonzero(mask & ~binary_erosion(mask, border_value=0))


def surface_elements(array, label):
    """Flat block positions and neighbour codes of one label, ascending.

    Position p of the grid, one longer than the array along each axis, is the block whose highest corner is voxel p.
    The corner at offset (0, ..., 0) is the highest bit of the code, that at (1, ..., 1) the lowest.
    """
    inside = np.pad(array == label, 1)
    positions, codes = [], []
    for position, corner in enumerate(product(*(range(size + 1) for size in array.shape))):
        block = inside[tuple(slice(start, start + 2) for start in corner)]
        code = int("".join("01"[int(bit)] for bit in block.ravel()), 2)
        if 0 < code < 2**block.size - 1:
            positions.append(position)
            codes.append(code)
    return np.array(positions, np.int64), np.array(codes, np.int64)
