"""Geodesic regions: the classical method that knows nothing but the image and the prompts.

Each prompt grows along geodesic distances to the region with the weakest border; see ``regions.geodesic_region``.
"""

from __future__ import annotations

from maskwright.interactive.methods.method import TaskMethod
from maskwright.interactive.methods.regions.geodesic_region import grow_region

METHOD = TaskMethod("geodesic", grow_region)
