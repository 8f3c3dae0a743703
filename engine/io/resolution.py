"""The spacing of plain images: their resolution tags, and the affine that our own files add.

PNG and TIFF hold pixels per metre, inch or centimetre, rounded, and no direction. Files written here therefore also
carry the affine itself, as JSON, with the shape it is for; a file that was cropped since is not believed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.volume import Grid

AFFINE_KEY = "maskwright_affine"
PRINT_DPI = (72, 75, 90, 96, 100, 120, 144, 150, 180, 200, 240, 250, 300, 350, 400, 600, 720, 1200)
"""Resolutions that programs write for printing when they know nothing; they say nothing about a patient."""

MM_PER_INCH = 25.4


def measured_affine(shape: tuple[int, ...], pixels_per_mm: Sequence[float]) -> NDArray[np.float64] | None:
    """Return the affine of a plane from its resolution (y, x), or None where that is absent or a printer's.

    Parameters
    ----------
    shape : tuple of int
        Of the array; for a volume, a resolution in the plane says nothing about the third axis: None.
    pixels_per_mm : sequence of float
        Along y and x.
    """
    if len(shape) != 2 or not all(math.isfinite(density) and density > 0 for density in pixels_per_mm):
        return None
    if all(_is_for_print(density * MM_PER_INCH) for density in pixels_per_mm):
        return None
    return Grid.from_spacing(shape, [1 / density for density in pixels_per_mm]).affine


def _is_for_print(dpi: float) -> bool:
    # PNG stores whole pixels per metre: 72 dpi comes back as 71.98 or 72.01.
    return any(abs(dpi - usual) <= 0.0254 for usual in PRINT_DPI)


def affine_note(affine: NDArray[np.float64], shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the value to store under ``AFFINE_KEY``."""
    return {"shape": list(shape), "index_to_ras_mm": affine.tolist()}


def noted_affine(note: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Return the affine of a note (or its JSON text), or None where it is no note of ours or for another shape."""
    try:
        note = json.loads(note) if isinstance(note, str) else note
        if tuple(note["shape"]) != shape:
            return None
        return np.array(note["index_to_ras_mm"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
