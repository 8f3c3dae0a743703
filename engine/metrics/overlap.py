"""Metrics that are arithmetic on four voxel counts."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Voxels of one label: in the reference, in the prediction, in both, and of the whole grid."""

    reference: int
    prediction: int
    both: int
    grid: int


def overlap_values(counts: Counts, voxel_ml: float) -> dict[str, float]:
    """Return the overlap and volume metrics; their empty rules are those of ``table.py``.

    ``kappa`` and ``mcc`` are NaN where both masks fill the grid, since nothing is left to agree on.
    """
    a, b, tp = counts.reference, counts.prediction, counts.both
    difference_ml = (b - a) * voxel_ml
    volumes = {"volume_difference_ml": difference_ml, "absolute_volume_difference_ml": abs(difference_ml)}
    return {
        "dice": _ratio(2 * tp, a + b),
        "iou": _ratio(tp, a + b - tp),
        "sensitivity": _ratio(tp, a),
        "precision": _ratio(tp, b),
        "volume_similarity": 1 - _ratio(abs(a - b), a + b),
        "kappa": _kappa(counts),
        "mcc": _mcc(counts),
        **volumes,
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _kappa(counts: Counts) -> float:
    a, b, n = counts.reference, counts.prediction, counts.grid
    agreed = n - a - b + 2 * counts.both
    by_chance = a * b + (n - a) * (n - b)  # times n; whole numbers of any size, so nothing is lost
    if a + b == 0:
        return math.nan
    return _ratio(agreed * n - by_chance, n * n - by_chance)


def _mcc(counts: Counts) -> float:
    a, b, n = counts.reference, counts.prediction, counts.grid
    if a + b == 0 or (a == n and b == n):
        return math.nan
    spread = a * b * (n - a) * (n - b)
    if spread == 0:
        return 0.0
    # tp tn - fp fn = n tp - a b. Equal masks give exactly 1: a float root of so large a number can be off by one bit.
    root = math.isqrt(spread)
    return (n * counts.both - a * b) / (root if root * root == spread else math.sqrt(spread))
