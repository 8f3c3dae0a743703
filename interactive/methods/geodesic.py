"""Geodesic regions: the classical method that knows nothing but the image and the prompts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.method import Task
from maskwright.interactive.methods.regions.geodesic_region import refine


@dataclass(frozen=True)
class Geodesic:
    """Each prompt grows along geodesic distances to the region with the weakest border; see ``refine``."""

    name: str = "geodesic"

    def segment(self, task: Task) -> NDArray[np.bool_]:
        """Return the mask after the newest prompt; see ``Task``."""
        return refine(task)
