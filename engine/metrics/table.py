"""The table of metrics: one record each, with its unit, direction, range, definition, source and empty rule.

Words: A is the reference mask of one label, B the prediction; TP, FP, FN, TN count voxels; S(A) is the surface of A:
its voxels with a face neighbour (6 in 3-D, 4 in 2-D) outside A, where the image edge counts as outside; d(p, S) is
the Euclidean distance in mm from p to the nearest voxel of S. Surface metrics are those of the default convention; see
``conventions.py`` for the others. A volume of a 2-D image takes its pixels as 1 mm thick.

The empty rule of a metric is three values: what it is when both masks are empty, when only the reference is, and
when only the prediction is. ``None`` there means that the definition gives the number as always.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

NAN = math.nan
INF = math.inf

Direction = Literal["higher", "lower", "zero"]
Kind = Literal["overlap", "distance", "boundary", "volume", "centreline", "instance"]

REINKE = "Maier-Hein, Reinke et al., Metrics reloaded, Nature Methods 2024"
TAHA = "Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 2015"
NIKOLOV = "Nikolov et al., Clinically applicable segmentation of head and neck anatomy, JMIR 2021"
CHENG = "Cheng et al., Boundary IoU, CVPR 2021"
SHIT = "Shit et al., clDice, CVPR 2021"
KIRILLOV = "Kirillov et al., Panoptic segmentation, CVPR 2019"


@dataclass(frozen=True)
class Metric:
    """One metric: what it is, how to read it, and what it is when a mask is empty.

    ``better`` says which way is better: a higher value, a lower one, or one closer to zero.
    """

    name: str
    title: str
    kind: Kind
    unit: str
    better: Direction
    lowest: float
    highest: float
    definition: str
    source: str
    both_empty: float | None
    reference_empty: float | None
    prediction_empty: float | None


def _overlap(name: str, title: str, definition: str, source: str, lowest: float = 0.0) -> Metric:
    return Metric(name, title, "overlap", "", "higher", lowest, 1.0, definition, source, NAN, 0.0, 0.0)


def _distance(name: str, title: str, definition: str, source: str = REINKE) -> Metric:
    return Metric(name, title, "distance", "mm", "lower", 0.0, INF, definition, source, NAN, INF, INF)


def _volume(name: str, title: str, better: Direction, lowest: float, definition: str) -> Metric:
    return Metric(name, title, "volume", "mL", better, lowest, INF, definition, TAHA, 0.0, None, None)


def _instance(
    name: str,
    title: str,
    definition: str,
    source: str = KIRILLOV,
    *,
    unit: str = "",
    better: Direction = "higher",
    empty: tuple[float | None, float | None, float | None] = (NAN, 0.0, 0.0),
) -> Metric:
    highest = 1.0 if unit == "" else INF
    return Metric(name, title, "instance", unit, better, 0.0, highest, definition, source, *empty)


_METRICS = (
    _overlap("dice", "Dice", "2 TP / (2 TP + FP + FN)", REINKE),
    _overlap("iou", "IoU", "TP / (TP + FP + FN)", REINKE),
    Metric("sensitivity", "Sensitivity", "overlap", "", "higher", 0, 1, "TP / (TP + FN)", REINKE, NAN, NAN, 0.0),
    Metric("precision", "Precision", "overlap", "", "higher", 0, 1, "TP / (TP + FP)", REINKE, NAN, 0.0, NAN),
    _overlap("volume_similarity", "Volume similarity", "1 - ||A| - |B|| / (|A| + |B|)", TAHA),
    _overlap("kappa", "Cohen's kappa", "(p_o - p_e) / (1 - p_e) over the voxels of the whole grid", TAHA, -1.0),
    _overlap("mcc", "MCC", "(TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN))", REINKE, -1.0),
    _volume("volume_difference_ml", "Volume difference", "zero", -INF, "|B| - |A| in mL"),
    _volume("absolute_volume_difference_ml", "Absolute volume difference", "lower", 0.0, "||B| - |A|| in mL"),
    _distance("hd", "Hausdorff distance", "max of d over both surfaces"),
    _distance("hd95", "HD95", "the larger of the two directed 95th percentiles of d, linear interpolation"),
    _distance("assd", "ASSD", "mean of d over S(A) and S(B) pooled"),
    _distance("masd", "MASD", "mean of the two directed means of d"),
    _distance("assd_reference_to_prediction", "ASD, reference to prediction", "area-weighted mean of d", NIKOLOV),
    _distance("assd_prediction_to_reference", "ASD, prediction to reference", "area-weighted mean of d", NIKOLOV),
    Metric(
        *("nsd", "Surface Dice", "boundary", "", "higher", 0.0, 1.0),
        *("share of S(A) and S(B), pooled, with d <= tolerance", NIKOLOV, NAN, 0.0, 0.0),
    ),
    Metric(
        *("boundary_iou", "Boundary IoU", "boundary", "", "higher", 0.0, 1.0),
        *("IoU of the voxels of A nearer than the tolerance to S(A) with those of B nearer to S(B)", CHENG),
        *(NAN, 0.0, 0.0),
    ),
    Metric(
        *("cldice", "clDice", "centreline", "", "higher", 0.0, 1.0),
        *(
            "harmonic mean of |skel(B) in A| / |skel(B)| and |skel(A) in B| / |skel(A)|; Zhang in 2-D, Lee in 3-D",
            SHIT,
        ),
        *(NAN, 0.0, 0.0),
    ),
    _instance("instance_f1", "Instance F1", "2 TP / (2 TP + FP + FN) over instances", REINKE),
    _instance("instance_sensitivity", "Instance sensitivity", "TP / (TP + FN)", REINKE, empty=(NAN, NAN, 0.0)),
    _instance(
        *("false_positives", "False positives", "instances of B without a partner", REINKE),
        unit="count",
        better="lower",
        empty=(None, None, None),
    ),
    _instance(
        *("false_negatives", "False negatives", "instances of A without a partner", REINKE),
        unit="count",
        better="lower",
        empty=(None, None, None),
    ),
    _instance("pq", "Panoptic quality", "SQ x RQ; matched at IoU > 0.5 only"),
    _instance("sq", "Segmentation quality", "mean IoU of matched instances; IoU > 0.5 only", empty=(NAN, NAN, NAN)),
    _instance("rq", "Recognition quality", "2 TP / (2 TP + FP + FN); IoU > 0.5 only"),
    _instance("matched_dice", "Dice of matched instances", "mean Dice over pairs", REINKE, empty=(NAN, NAN, NAN)),
    _instance(
        *("false_positive_volume_ml", "False-positive volume", "volume of instances of B without a partner", REINKE),
        unit="mL",
        better="lower",
        empty=(None, None, None),
    ),
    _instance(
        *("false_negative_volume_ml", "False-negative volume", "volume of instances of A without a partner", REINKE),
        unit="mL",
        better="lower",
        empty=(None, None, None),
    ),
    _instance(
        *("splits", "Splits", "instances of A that two or more instances of B overlap", REINKE),
        unit="count",
        better="lower",
        empty=(None, None, None),
    ),
    _instance(
        *("merges", "Merges", "instances of B that overlap two or more instances of A", REINKE),
        unit="count",
        better="lower",
        empty=(None, None, None),
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}


def metric_of(column: str) -> Metric:
    """Return the record behind a result column.

    A column is a metric's name, a metric at one more tolerance (``nsd@3mm``, ``boundary_iou@3mm``), or a Hausdorff
    distance at another percentile (``hd90``).

    Examples
    --------
    >>> metric_of("nsd@3mm").unit, metric_of("hd90").unit
    ('', 'mm')
    """
    name = column.split("@")[0]
    if name not in METRICS and name.startswith("hd"):
        name = "hd95"
    return METRICS[name]
