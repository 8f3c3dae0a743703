"""Connected components: which voxels of equal value hang together.

Wraps connected-components-3d (cc3d); the numbering is our own promise, whatever cc3d's version or the strides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.components import cpu
from maskwright.kernels.errors import InputError

__all__ = ["Components", "label_components"]

_CONNECTIVITIES = {2: (4, 8), 3: (6, 18, 26)}


@dataclass(frozen=True, eq=False)
class Components:
    """The components of a mask or label map.

    ``labels`` is 0 where the input is 0, else the number of the voxel's component, ``1 .. count``.
    """

    labels: NDArray[np.uint32]
    count: int


def label_components(mask_or_labels: NDArray[Any], connectivity: int | None = None) -> Components:
    """Number the connected components of a mask or label map.

    A component joins neighbouring voxels of equal, non-zero value: touching labels stay apart.

    Parameters
    ----------
    mask_or_labels : bool, uint8, uint16 or uint32, 2-D or 3-D
        Any strides; may be empty.
    connectivity : 6, 18 or 26 in 3-D; 4 or 8 in 2-D
        How many neighbours a voxel has. ``None`` is the full neighbourhood: 26 in 3-D, 8 in 2-D.

    Returns
    -------
    Components
        C-contiguous uint32 labels of the input's shape. Components are numbered by their first voxel in C order
        (the last axis runs fastest), so the result does not depend on strides.

    Raises
    ------
    InputError
        If the array is not 2-D or 3-D, is of another dtype, or the connectivity does not fit its dimensions.

    Examples
    --------
    >>> label_components(np.array([[1, 0, 2], [0, 1, 2]], dtype=np.uint8)).labels.tolist()
    [[1, 0, 2], [0, 1, 2]]
    """
    if mask_or_labels.ndim not in _CONNECTIVITIES:
        raise InputError(f"components need a 2-D or 3-D array, got {mask_or_labels.ndim}-D")
    if mask_or_labels.dtype.kind not in "bu" or mask_or_labels.dtype.itemsize > 4:
        raise InputError(f"components need bool, uint8, uint16 or uint32, got {mask_or_labels.dtype}: convert it")
    allowed = _CONNECTIVITIES[mask_or_labels.ndim]
    if connectivity is None:
        connectivity = allowed[-1]
    if connectivity not in allowed:
        raise InputError(f"connectivity in {mask_or_labels.ndim}-D is one of {allowed}, got {connectivity}")
    return Components(*cpu.label_components(mask_or_labels, connectivity))
