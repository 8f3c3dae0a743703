"""Splitting flat C indices without integer division, which costs more than the rest of a query."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, inline="always")
def split_index(index, size, inverse):  # type: ignore[no-untyped-def]
    """Return ``divmod(index, size)`` for 0 <= index < 2**52; ``inverse`` is ``1.0 / size``."""
    quotient = np.int64(index * inverse)  # off by one at most: the product is rounded
    remainder = np.int64(index) - quotient * size
    if remainder < 0:
        return quotient - 1, remainder + size
    if remainder >= size:
        return quotient + 1, remainder - size
    return quotient, remainder
