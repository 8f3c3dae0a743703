"""Stretches of voxels that carry one label in each of two arrays, and are counted whole."""

from __future__ import annotations

from numba import njit

LONG = 64  # voxels checked at once
SHORT = 8  # and again, where a long block is not uniform


@njit(cache=True, inline="always")
def is_uniform(first, second, start, length):  # type: ignore[no-untyped-def]
    """Whether both arrays carry one label each from ``start`` on for ``length`` voxels."""
    # Slices, one flag and a constant length: only so does the loop become a few vector instructions.
    one, other = first[start : start + length], second[start : start + length]
    a, b = one[0], other[0]
    differs = False
    for i in range(length):
        differs |= (one[i] != a) | (other[i] != b)
    return not differs
