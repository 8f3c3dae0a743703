"""Connected components: which voxels of equal value hang together.

Wraps connected-components-3d (cc3d); the numbering is our own promise, whatever cc3d's version or the strides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.errors import InputError
from maskwright.kernels.device import choose_twin
from maskwright.kernels.label_array import as_label_array

__all__ = ["Components", "label_components"]

_CONNECTIVITIES = {2: (4, 8), 3: (6, 18, 26)}


@dataclass(frozen=True, eq=False)
class Components:
    """The components of a mask or label map.

    ``labels`` is 0 where the input is 0, else the number of the voxel's component, ``1 .. count``.
    """

    labels: NDArray[np.uint32]
    count: int


def label_components(mask_or_labels: ArrayLike, connectivity: int | None = None) -> Components:
    """Number the connected components of a mask or label map.

    A component joins neighbouring voxels of equal, non-zero value: touching labels stay apart.

    Parameters
    ----------
    mask_or_labels : bool, uint8, uint16 or uint32, shape (y, x) or (z, y, x)
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
    LabelError, InputError
        Another dtype or number of axes (see ``as_label_array``), or a connectivity of another number of axes.

    Examples
    --------
    >>> label_components(np.array([[1, 0, 2], [0, 1, 2]], dtype=np.uint8)).labels.tolist()
    [[1, 0, 2], [0, 1, 2]]
    """
    twin = choose_twin(__name__, mask_or_labels=mask_or_labels)
    array = as_label_array(mask_or_labels)
    allowed = _CONNECTIVITIES[array.ndim]
    if connectivity is None:
        connectivity = allowed[-1]
    if connectivity not in allowed:
        raise InputError(f"connectivity in {array.ndim}-D is one of {allowed}, got {connectivity}")
    labels, count = twin.label_components(array, connectivity)
    return Components(labels, count)
