"""Labels as a viewer holds them in memory: voxels alone, without a header (OHIF's ``label.bin``).

The order is that of the mask which ``/infer`` answers: the first axis of the image's file fastest, of a DICOM series
the columns, then the rows, then the slices along the normal. That is how Cornerstone sorts a series too.
"""

from __future__ import annotations

import numpy as np

from maskwright.engine.volume import LabelMap, Volume
from maskwright.kernels.errors import GeometryError, InputError


def labels_of_voxels(data: bytes, image: Volume) -> LabelMap:
    """Return the labels on the image's grid: a byte a voxel, or two, the low one first (as older plugins send).

    Raises
    ------
    InputError
        The bytes are not one or two a voxel.
    GeometryError
        The image has no spacing, which the label's file would need.
    """
    if image.affine is None:
        raise GeometryError("the image has no spacing, so that voxels alone make no label; send the label as .nrrd")
    shape = image.grid.shape
    voxels = int(np.prod(shape, dtype=np.int64))
    if len(data) not in (voxels, 2 * voxels):
        raise InputError(
            f"the label has {len(data)} bytes, its image {voxels} voxels of shape {shape}; send one byte a voxel, "
            "or two, of the whole image"
        )
    array = np.frombuffer(data, np.uint8 if len(data) == voxels else "<u2")
    return LabelMap(array.reshape(shape), image.affine)
