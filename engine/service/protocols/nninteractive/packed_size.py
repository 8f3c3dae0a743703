"""What a packed array says that it unpacks to, looked at before it is unpacked."""

from __future__ import annotations

import math
import struct

import numpy as np

from maskwright.engine.service.protocols.nninteractive.packed_array import DTYPES, MAGIC, MOST_AXES


def packed_shape(packed: bytes) -> tuple[tuple[int, ...], int]:
    """Return the shape and the bytes of the array; nothing of one whose header is wrong, which unpacking refuses."""
    try:
        magic, _, _, ndim, length = struct.unpack_from("<4sBBBB", packed)
        name = packed[8 : 8 + length].decode("ascii", "replace")
        if magic != MAGIC or name not in DTYPES or ndim > MOST_AXES:
            return (), 0
        shape = struct.unpack_from(f"<{ndim}q", packed, 8 + length)
    except struct.error:
        return (), 0
    if min(shape, default=0) < 1:
        return (), 0
    return shape, math.prod(shape) * np.dtype(name).itemsize
