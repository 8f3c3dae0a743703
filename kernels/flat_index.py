"""Splitting flat C indices without integer division, which costs more than the rest of a query."""

from __future__ import annotations

import numpy as np

from maskwright.kernels.threads import kernel


@kernel
def split_index(index, size, inverse):  # type: ignore[no-untyped-def]
    """Return ``divmod(index, size)`` for 0 <= index < 2**52; ``inverse`` is ``1.0 / size``."""
    # Rounding moves the product by less than 1 / size, so it can fall below a whole number but not reach the next.
    quotient = np.int64(index * inverse)
    remainder = np.int64(index) - quotient * size
    if remainder >= size:
        return quotient + 1, remainder - size
    return quotient, remainder
