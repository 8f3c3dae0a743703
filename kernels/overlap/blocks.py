"""Blocks of voxels that carry one label in each of two arrays, and are counted whole."""

from __future__ import annotations

from maskwright.kernels.threads import kernel

LONG = 64  # voxels checked at once
SHORT = 8  # and again, where a long block is not uniform


@kernel
def is_uniform(reference, prediction, start, length):  # type: ignore[no-untyped-def]
    """Whether both arrays carry one label each from ``start`` on for ``length`` voxels."""
    # Slices and one flag: only so does the loop become a few vector instructions.
    one, other = reference[start : start + length], prediction[start : start + length]
    a, b = one[0], other[0]
    differs = False
    for i in range(length):
        differs |= (one[i] != a) | (other[i] != b)
    return not differs
