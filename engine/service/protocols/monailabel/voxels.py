"""Labels as a viewer holds them in memory: voxels alone, without a header (OHIF's ``label.bin``).

The order is that of the mask which ``/infer`` answers: the first axis of the image's file fastest, of a DICOM series
the columns, then the rows, then the slices along the normal. That is how Cornerstone sorts a series too.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import GeometryError, InputError


def labels_of_voxels(file: BinaryIO, size: int, image: Volume) -> LabelMap:
    """Return the labels on the image's grid: a byte a voxel, or two, the low one first (as older plugins send).

    ``size`` is that of the file in bytes; nothing is read of one that does not fit.

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
    if size not in (voxels, 2 * voxels):
        raise InputError(
            f"the label has {size} bytes, its image {voxels} voxels of shape {shape}; send one byte a voxel, "
            "or two, of the whole image"
        )
    array = np.frombuffer(file.read(), np.uint8 if size == voxels else "<u2")
    return LabelMap(array.reshape(shape), image.affine)


def numbered(label_info: Any, labels: LabelMap) -> Any:
    """Return the label names of a viewer with the number of each, ``idx``.

    OHIF's plugin counts its names, not the labels in the mask; MONAI Label takes the first name for the
    smallest label that is there, the second for the next, and so does this. An entry with a number keeps it.
    """
    if not isinstance(label_info, list):
        return label_info
    present = [int(label) for label in np.unique(labels.array) if label]
    return [
        {"idx": present[at], **entry} if isinstance(entry, dict) and at < len(present) else entry
        for at, entry in enumerate(label_info)
    ]
