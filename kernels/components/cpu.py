"""Connected components on the CPU: cc3d, then numbers in the order of first voxels."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.label_array import LabelArray
from maskwright.kernels.threads import kernel


def label_components(array: LabelArray, connectivity: int) -> tuple[NDArray[np.uint32], int]:
    """Label a checked array; see the family's docstring."""
    if array.size == 0:
        return np.zeros(array.shape, np.uint32), 0
    # cc3d numbers in memory order and refuses read-only arrays: other arrays are copied.
    ordered = np.require(array, requirements=["C", "W"])
    labels, count = cc3d.connected_components(ordered, connectivity=connectivity, out_dtype=np.uint32, return_N=True)
    _number_by_first_voxel(labels.reshape(-1), np.zeros(count + 1, np.uint32))
    return labels, int(count)


@kernel
def _number_by_first_voxel(labels, renumbered):  # type: ignore[no-untyped-def]
    """Renumber in place; ``renumbered`` is scratch, zeros of one entry a component and one for 0."""
    newest = np.uint32(0)
    for i in range(labels.size):
        old = labels[i]
        if old != 0:
            if renumbered[old] == 0:
                newest += np.uint32(1)
                renumbered[old] = newest
            labels[i] = renumbered[old]
