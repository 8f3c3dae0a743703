"""Many pairs of images at once: one thread a pair."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from maskwright.kernels.flow.tvl1 import flow_of_pair


def flows(
    firsts: NDArray[np.float32],
    seconds: NDArray[np.float32],
    attachment: np.float32,
    scales: int,
    warps: int,
    iterations: int,
) -> NDArray[np.float32]:
    """Return the flow (n, 2, y, x) of checked pairs; see the family's docstring."""
    found = np.zeros((firsts.shape[0], 2, *firsts.shape[1:]), np.float32)
    if firsts.size == 0:
        return found
    # Starting threads costs more than one small pair takes.
    work = _one_by_one if firsts.shape[0] == 1 else _shared
    work(firsts, seconds, attachment, scales, warps, iterations, found)
    return found


@njit(cache=True)
def _one_by_one(firsts, seconds, attachment, scales, warps, iterations, found):  # type: ignore[no-untyped-def]
    for pair in range(firsts.shape[0]):
        found[pair] = flow_of_pair(firsts[pair], seconds[pair], attachment, scales, warps, iterations)


@njit(parallel=True, cache=True)
def _shared(firsts, seconds, attachment, scales, warps, iterations, found):  # type: ignore[no-untyped-def]
    for pair in prange(firsts.shape[0]):
        found[pair] = flow_of_pair(firsts[pair], seconds[pair], attachment, scales, warps, iterations)
