"""The records that every twin returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DirectedDistancesByLabel:
    """Distances from the surface points of one mask to the nearest of the other, reduced by label.

    A surface voxel weighs 1, a surface element its area. A label without points has weight 0 and NaN for the maximum
    and the percentiles; one without points on the other side is infinitely far.

    Attributes
    ----------
    weight : float64[labels]
        Surface voxels of the label, or the area of its elements in mm2 (in 2-D, their length in mm).
    maximum_mm : float64[labels]
    sum_mm : float64[labels]
        Distances times weights, summed; the order of the points does not change a bit.
    percentiles_mm : float64[labels, percentiles]
        Of voxels, interpolated linearly as ``numpy.percentile`` does; of elements, the first distance up to which the
        wanted share of the area lies, without interpolation.
    within : float64[labels, tolerances]
        The weight at a distance of at most each tolerance.
    """

    weight: NDArray[np.float64]
    maximum_mm: NDArray[np.float64]
    sum_mm: NDArray[np.float64]
    percentiles_mm: NDArray[np.float64]
    within: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """The distances between two surfaces of every label, reduced in each direction.

    Attributes
    ----------
    reference_to_prediction, prediction_to_reference : DirectedDistancesByLabel
    pooled_percentiles_mm : float64[labels, pooled percentiles]
        Percentiles over the distances of both directions together.
    """

    reference_to_prediction: DirectedDistancesByLabel
    prediction_to_reference: DirectedDistancesByLabel
    pooled_percentiles_mm: NDArray[np.float64]


def join(parts: Sequence[SurfaceDistances]) -> SurfaceDistances:
    """Return the labels of all parts, one part after the other; there must be one."""
    return SurfaceDistances(
        _join_directed([part.reference_to_prediction for part in parts]),
        _join_directed([part.prediction_to_reference for part in parts]),
        np.concatenate([part.pooled_percentiles_mm for part in parts]),
    )


def _join_directed(parts: Sequence[DirectedDistancesByLabel]) -> DirectedDistancesByLabel:
    names = [field.name for field in fields(DirectedDistancesByLabel)]
    return DirectedDistancesByLabel(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
