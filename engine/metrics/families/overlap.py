"""Metrics of voxel counts: overlap, agreement beyond chance, volumes."""

from __future__ import annotations

import math

from maskwright.engine.metrics.inputs import Counts
from maskwright.engine.metrics.metric import INF, NAN, REINKE, TAHA, Direction, Function, Metric, in_every_convention


def dice(counts: Counts) -> float:
    """Return 2 TP / (2 TP + FP + FN)."""
    return _ratio(2 * counts.both, counts.reference + counts.prediction)


def iou(counts: Counts) -> float:
    """Return TP / (TP + FP + FN)."""
    return _ratio(counts.both, counts.reference + counts.prediction - counts.both)


def sensitivity(counts: Counts) -> float:
    """Return TP / (TP + FN)."""
    return _ratio(counts.both, counts.reference)


def precision(counts: Counts) -> float:
    """Return TP / (TP + FP)."""
    return _ratio(counts.both, counts.prediction)


def volume_similarity(counts: Counts) -> float:
    """Return 1 - ||A| - |B|| / (|A| + |B|)."""
    return 1 - _ratio(abs(counts.reference - counts.prediction), counts.reference + counts.prediction)


def kappa(counts: Counts) -> float:
    """Return Cohen's kappa over the whole grid; NaN where both masks are empty or fill it, with no chance to differ."""
    a, b, n = counts.reference, counts.prediction, counts.grid
    if a + b == 0:
        return math.nan
    agreed = n - a - b + 2 * counts.both
    by_chance = a * b + (n - a) * (n - b)  # times n; whole numbers of any size, so nothing is lost
    return _ratio(agreed * n - by_chance, n * n - by_chance)


def mcc(counts: Counts) -> float:
    """Return Matthews' correlation over the whole grid; NaN where both masks are empty or fill it, 0 where one is."""
    a, b, n = counts.reference, counts.prediction, counts.grid
    if a + b == 0 or (a == n and b == n):
        return math.nan
    spread = a * b * (n - a) * (n - b)
    if spread == 0:
        return 0.0
    # tp tn - fp fn = n tp - a b. Equal masks give exactly 1: a float root of so large a number can be off by one bit.
    root = math.isqrt(spread)
    return (n * counts.both - a * b) / (root if root * root == spread else math.sqrt(spread))


def volume_difference_ml(counts: Counts) -> float:
    """Return |B| - |A| in mL."""
    return (counts.prediction - counts.reference) * counts.voxel_ml


def absolute_volume_difference_ml(counts: Counts) -> float:
    """Return ||B| - |A|| in mL."""
    return abs(volume_difference_ml(counts))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _overlap(
    name: str,
    title: str,
    function: Function,
    definition: str,
    source: str = REINKE,
    *,
    empty: tuple[float, float, float] = (NAN, 0.0, 0.0),
    lowest: float = 0.0,
) -> Metric:
    return Metric(
        name=name,
        title=title,
        definition=definition,
        source=source,
        needs="counts",
        functions=in_every_convention(function),
        both_empty=empty[0],
        reference_empty=empty[1],
        prediction_empty=empty[2],
        lowest=lowest,
    )


def _volume(name: str, title: str, function: Function, definition: str, better: Direction, lowest: float) -> Metric:
    return Metric(
        name=name,
        title=title,
        definition=definition,
        source=TAHA,
        needs="counts",
        functions=in_every_convention(function),
        both_empty=0.0,
        reference_empty=None,
        prediction_empty=None,
        unit="mL",
        better=better,
        lowest=lowest,
        highest=INF,
    )


METRICS = (
    _overlap("dice", "Dice", dice, "2 TP / (2 TP + FP + FN)"),
    _overlap("iou", "IoU", iou, "TP / (TP + FP + FN)"),
    _overlap("sensitivity", "Sensitivity", sensitivity, "TP / (TP + FN)", empty=(NAN, NAN, 0.0)),
    _overlap("precision", "Precision", precision, "TP / (TP + FP)", empty=(NAN, 0.0, NAN)),
    _overlap("volume_similarity", "Volume similarity", volume_similarity, "1 - ||A| - |B|| / (|A| + |B|)", TAHA),
    _overlap(
        *("kappa", "Cohen's kappa", kappa, "(p_o - p_e) / (1 - p_e) over the voxels of the whole grid", TAHA),
        lowest=-1.0,
    ),
    _overlap("mcc", "MCC", mcc, "(TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN))", lowest=-1.0),
    _volume("volume_difference_ml", "Volume difference", volume_difference_ml, "|B| - |A| in mL", "zero", -INF),
    _volume(
        *("absolute_volume_difference_ml", "Absolute volume difference", absolute_volume_difference_ml),
        *("||B| - |A|| in mL", "lower", 0.0),
    ),
)
