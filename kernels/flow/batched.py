"""Many pairs of images at once, shared out among threads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.flow.tvl1 import flow_of_pair
from maskwright.kernels.threads import kernel, run_in_parts, thread_count

_LEAST_PIXELS = 1 << 13  # a thread


def optical_flows(
    firsts: NDArray[np.float32],
    seconds: NDArray[np.float32],
    attachment: np.float32,
    scales: int,
    warps: int,
    iterations: int,
) -> NDArray[np.float32]:
    """Return the flow (n, 2, y, x) of checked pairs; see the family's docstring."""
    flows = np.zeros((firsts.shape[0], 2, *firsts.shape[1:]), np.float32)
    if firsts.size == 0:
        return flows
    parts = min(firsts.shape[0], thread_count(firsts.size, _LEAST_PIXELS))
    run_in_parts(_flows, parts, firsts, seconds, attachment, scales, warps, iterations, flows)
    return flows


@kernel
def _flows(part, parts, firsts, seconds, attachment, scales, warps, iterations, flows):  # type: ignore[no-untyped-def]
    for pair in range(firsts.shape[0] * part // parts, firsts.shape[0] * (part + 1) // parts):
        flow_of_pair(firsts[pair], seconds[pair], attachment, scales, warps, iterations, flows[pair])
