"""Pairs of labels on the CPU: bytes are counted in a table of all pairs, wider labels in a small hash."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.label_array import LabelArray, widen_pair
from maskwright.kernels.overlap.bytes import count_byte_pairs
from maskwright.kernels.overlap.hashed import count_wide_pairs


def count_pairs(reference: LabelArray, prediction: LabelArray) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Count the pairs of two checked arrays of one shape; keys are ``reference << 32 | prediction``, sorted."""
    reference, prediction = _flatten(*widen_pair(reference, prediction))
    count = count_byte_pairs if reference.dtype == np.uint8 else count_wide_pairs
    return count(reference, prediction)


def _flatten(reference: LabelArray, prediction: LabelArray) -> tuple[LabelArray, LabelArray]:
    """Return both in one common memory order; counts do not depend on the order, so equal strides need no copy."""
    order = np.argsort([-abs(stride) for stride in reference.strides], kind="stable")
    reference, prediction = reference.transpose(order), prediction.transpose(order)
    return np.ascontiguousarray(reference).reshape(-1), np.ascontiguousarray(prediction).reshape(-1)
