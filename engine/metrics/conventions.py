"""The three conventions: published definitions of the surface metrics.

``metrics-reloaded`` is the default: distances between surface voxels. ``medpy`` follows MedPy 0.5.2 (July 2024):
percentiles over both sets pooled, no surface Dice; its ``masd`` is the number that MedPy 0.4 (2019 to 2024) called
ASSD. ``deepmind`` follows surface-distance 0.1: distances between surface elements, weighted by their areas.

A convention changes surface metrics alone. Empty masks follow one rule under all three (``Metric.empty_value``); MedPy
refuses them, and surface-distance 0.1 fails on them with NumPy 2.
"""

from __future__ import annotations

from typing import Literal, get_args

Convention = Literal["metrics-reloaded", "medpy", "deepmind"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)
DEFAULT: Convention = "metrics-reloaded"
