"""Binary search in a part of a sorted vector."""

from __future__ import annotations

import numpy as np

from maskwright.kernels.threads import kernel

_FEW = 8


@kernel
def lower_bound(values, first, last, wanted):  # type: ignore[no-untyped-def]
    """Return the first index in ``values[first:last]`` whose value is at least ``wanted``; ``last`` if none is."""
    while last - first > _FEW:
        middle = (first + last) // 2
        if np.int64(values[middle]) < wanted:
            first = middle + 1
        else:
            last = middle
    while first < last and np.int64(values[first]) < wanted:
        first += 1
    return first
