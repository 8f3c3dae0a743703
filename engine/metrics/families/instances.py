"""Metrics of instances: the lesions, nuclei or other separate parts of a label."""

from __future__ import annotations

from operator import attrgetter

from maskwright.engine.metrics.metric import INF, REINKE, Direction, Function, Metric, in_every_convention

_KIRILLOV = "Kirillov et al., Panoptic segmentation, CVPR 2019"


def _instance(
    name: str,
    title: str,
    function: Function,
    definition: str,
    source: str = REINKE,
    *,
    unit: str = "",
    better: Direction = "higher",
) -> Metric:
    """Return a metric of an ``InstanceAgreement``, which has its values for empty masks too."""
    return Metric(
        name=name,
        title=title,
        definition=definition,
        source=source,
        needs="instances",
        functions=in_every_convention(function),
        both_empty=None,
        reference_empty=None,
        prediction_empty=None,
        unit=unit,
        better=better,
        highest=1.0 if unit == "" else INF,
    )


def _amount(name: str, title: str, function: Function, definition: str, unit: str = "count") -> Metric:
    """Return a metric of instances that are wrong: the fewer, the better."""
    return _instance(name, title, function, definition, unit=unit, better="lower")


METRICS = (
    _instance("instance_f1", "Instance F1", attrgetter("instance_f1"), "2 TP / (2 TP + FP + FN) over instances"),
    _instance("instance_sensitivity", "Instance sensitivity", attrgetter("instance_sensitivity"), "TP / (TP + FN)"),
    _amount(
        *("false_positives", "False positives", attrgetter("false_positives")),
        "instances of B without a partner",
    ),
    _amount(
        *("false_negatives", "False negatives", attrgetter("false_negatives")),
        "instances of A without a partner",
    ),
    _instance("pq", "Panoptic quality", attrgetter("pq"), "SQ x RQ; matched at IoU > 0.5 only", _KIRILLOV),
    _instance(
        *("sq", "Segmentation quality", attrgetter("sq")),
        *("mean IoU of matched instances; IoU > 0.5 only", _KIRILLOV),
    ),
    _instance(
        *("rq", "Recognition quality", attrgetter("rq")),
        *("2 TP / (2 TP + FP + FN); IoU > 0.5 only", _KIRILLOV),
    ),
    _instance("matched_dice", "Dice of matched instances", attrgetter("matched_dice"), "mean Dice over pairs"),
    _amount(
        *("false_positive_volume_ml", "False-positive volume", attrgetter("false_positive_volume_ml")),
        *("volume of instances of B without a partner", "mL"),
    ),
    _amount(
        *("false_negative_volume_ml", "False-negative volume", attrgetter("false_negative_volume_ml")),
        *("volume of instances of A without a partner", "mL"),
    ),
    _amount("splits", "Splits", attrgetter("splits"), "instances of A that two or more instances of B overlap"),
    _amount("merges", "Merges", attrgetter("merges"), "instances of B that overlap two or more instances of A"),
)
