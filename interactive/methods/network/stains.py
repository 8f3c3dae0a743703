"""Stains: the haematoxylin in tissue on a slide, which shows nuclei."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Optical densities of haematoxylin and eosin in red, green and blue (Ruifrok and Johnston, 2001); the third is across.
_STAINS = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105]])
_STAINS = np.concatenate([_STAINS, np.cross(*_STAINS)[None]])
_UNMIX = np.linalg.inv(_STAINS / np.linalg.norm(_STAINS, axis=1, keepdims=True)).astype(np.float32)
_FULL = 1.2
"""The optical density of full stain."""


def haematoxylin(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the stain at each pixel, 0 (none) to 1 (full).

    Parameters
    ----------
    image
        float32, (..., 3): red, green, blue, 0 to 1.
    """
    density = -np.log10(np.maximum(image, 1 / 255))
    stain: NDArray[np.float32] = (density @ _UNMIX[:, 0]) / np.float32(_FULL)
    return np.clip(stain, 0, 1)
