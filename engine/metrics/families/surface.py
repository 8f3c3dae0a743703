"""Metrics of the distances between two surfaces, and of the boundaries along them, under each convention."""

from __future__ import annotations

import math
from collections.abc import Mapping

from maskwright.engine.metrics.conventions import Convention
from maskwright.engine.metrics.inputs import BoundaryCounts, Distances
from maskwright.engine.metrics.metric import INF, NAN, NIKOLOV, REINKE, Function, Metric, Parameter, in_every_convention

_CHENG = "Cheng et al., Boundary IoU, CVPR 2021; as in the code of Metrics Reloaded"


def hausdorff(distances: Distances) -> float:
    """Return the largest distance of either direction."""
    return max(distances.reference_to_prediction.maximum_mm, distances.prediction_to_reference.maximum_mm)


def larger_percentile(distances: Distances, percentile: float) -> float:
    """Return the larger of the two directed percentiles."""
    return max(
        distances.reference_to_prediction.percentiles_mm[percentile],
        distances.prediction_to_reference.percentiles_mm[percentile],
    )


def pooled_percentile(distances: Distances, percentile: float) -> float:
    """Return the percentile of the distances of both directions together."""
    return distances.pooled_percentiles_mm[percentile]


def pooled_mean(distances: Distances) -> float:
    """Return the mean over the points of both surfaces."""
    forward, backward = distances.reference_to_prediction, distances.prediction_to_reference
    return (forward.sum_mm + backward.sum_mm) / (forward.weight + backward.weight)


def mean_of_means(distances: Distances) -> float:
    """Return the mean of the two directed means."""
    return (mean_from_reference(distances) + mean_from_prediction(distances)) / 2


def mean_from_reference(distances: Distances) -> float:
    """Return the mean from the reference to the prediction, by area where elements are weighted."""
    return distances.reference_to_prediction.sum_mm / distances.reference_to_prediction.weight


def mean_from_prediction(distances: Distances) -> float:
    """Return the mean from the prediction to the reference, by area where elements are weighted."""
    return distances.prediction_to_reference.sum_mm / distances.prediction_to_reference.weight


def surface_dice(distances: Distances, tolerance_mm: float) -> float:
    """Return the share of both surfaces, pooled, that lies within the tolerance of the other."""
    forward, backward = distances.reference_to_prediction, distances.prediction_to_reference
    near = forward.within[tolerance_mm] + backward.within[tolerance_mm]
    return near / (forward.weight + backward.weight)


def boundary_iou(boundaries: Mapping[float, BoundaryCounts], tolerance_mm: float) -> float:
    """Return the IoU of the voxels nearer than the tolerance to their surfaces; NaN at 0, where neither has any."""
    counts = boundaries[tolerance_mm]
    union = counts.reference + counts.prediction - counts.both
    return counts.both / union if union else math.nan


def _distance(
    name: str,
    title: str,
    functions: Mapping[Convention, Function],
    definition: str,
    source: str = REINKE,
    parameter: Parameter | None = None,
) -> Metric:
    return Metric(
        name=name,
        title=title,
        definition=definition,
        source=source,
        needs="distances",
        functions=functions,
        both_empty=NAN,
        reference_empty=INF,
        prediction_empty=INF,
        parameter=parameter,
        unit="mm",
        better="lower",
        highest=INF,
    )


def _between_voxels(function: Function) -> dict[Convention, Function]:
    return {"metrics-reloaded": function, "medpy": function}


METRICS = (
    _distance("hd", "Hausdorff distance", in_every_convention(hausdorff), "max of d over both surfaces"),
    _distance(
        "hd95",
        "HD95",
        {"metrics-reloaded": larger_percentile, "medpy": pooled_percentile, "deepmind": larger_percentile},
        "the larger of the two directed 95th percentiles of d, linear interpolation",
        parameter="percentile",
    ),
    _distance("assd", "ASSD", _between_voxels(pooled_mean), "mean of d over S(A) and S(B) pooled"),
    _distance("masd", "MASD", _between_voxels(mean_of_means), "mean of the two directed means of d"),
    _distance(
        "assd_reference_to_prediction",
        "ASD, reference to prediction",
        {"deepmind": mean_from_reference},
        "area-weighted mean of d",
        NIKOLOV,
    ),
    _distance(
        "assd_prediction_to_reference",
        "ASD, prediction to reference",
        {"deepmind": mean_from_prediction},
        "area-weighted mean of d",
        NIKOLOV,
    ),
    Metric(
        name="nsd",
        title="Surface Dice",
        definition="share of S(A) and S(B), pooled, with d <= tolerance",
        source=NIKOLOV,
        needs="distances",
        functions={"metrics-reloaded": surface_dice, "deepmind": surface_dice},
        both_empty=NAN,
        reference_empty=0.0,
        prediction_empty=0.0,
        parameter="tolerance_mm",
    ),
    Metric(
        name="boundary_iou",
        title="Boundary IoU",
        definition="IoU of the voxels of A nearer than the tolerance to S(A) with those of B nearer to S(B)",
        source=_CHENG,
        needs="boundaries",
        functions={"metrics-reloaded": boundary_iou},
        both_empty=NAN,
        reference_empty=0.0,
        prediction_empty=0.0,
        parameter="tolerance_mm",
    ),
)
