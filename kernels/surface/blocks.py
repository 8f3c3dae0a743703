"""Scanning rows in blocks of 64 voxels: where a block holds no change, a few vector instructions pass it over.

The loops run over slices of a constant length and take few arrays each: only so does LLVM vectorise them.
"""

from __future__ import annotations

from numba import uint64

from maskwright.kernels.threads import kernel

BLOCK = 64


@kernel
def flag_differing(here, one, other, flags):  # type: ignore[no-untyped-def]
    """Set the flags where ``here`` differs from either neighbour; all are ``BLOCK`` long."""
    for i in range(BLOCK):
        flags[i] |= (here[i] != one[i]) | (here[i] != other[i])


@kernel
def collect_flagged(flags, start, done, positions, count):  # type: ignore[no-untyped-def]
    """Append the flagged positions from ``done`` on; ``start`` is that of the first flag. Return the new count."""
    words = flags.view(uint64)
    for word in range(words.size):
        if words[word] != 0:
            for i in range(word * 8, word * 8 + 8):
                if flags[i] != 0 and start + i >= done:
                    positions[count] = start + i
                    count += 1
    return count
