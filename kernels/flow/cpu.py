"""Optical flow on the CPU, of checked images; see the family's docstrings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.flow.batched import optical_flows
from maskwright.kernels.flow.sampling import warp_plane
from maskwright.kernels.flow.similarity import add_similarity
from maskwright.kernels.flow.smoothing import smooth

__all__ = ["add_similarity", "optical_flows", "smooth", "warp"]


def warp(image: NDArray[np.float32], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``image`` sampled at ``p + flow(p)`` for each pixel ``p`` of the flow."""
    warped = np.empty(flow.shape[1:], np.float32)
    warp_plane(image, flow, warped)
    return warped
