"""LabelInputs: the numbers of one label that functions of metrics read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.config.preset import Matching
from maskwright.engine.metrics.instance_matching import InstanceAgreement, instance_agreement
from maskwright.kernels.device import HOST, device_of

LabelArray = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Counts:
    """Voxels of the reference, of the prediction, of both, and of the whole grid; and the volume of one in mL."""

    reference: int
    prediction: int
    both: int
    grid: int
    voxel_ml: float


@dataclass(frozen=True)
class DirectedDistances:
    """Distances from the surface of one mask to the nearest point of the other's.

    Attributes
    ----------
    weight : float
        Surface voxels; under ``deepmind`` the area of the surface elements in mm2 (in 2-D, their length in mm).
    maximum_mm, sum_mm : float
        The largest distance, and the sum of distances times weights.
    percentiles_mm : mapping of float to float
        The distance at each percentile; empty under ``medpy``.
    within : mapping of float to float
        The weight at a distance of at most each tolerance; empty under ``medpy``.
    """

    weight: float
    maximum_mm: float
    sum_mm: float
    percentiles_mm: Mapping[float, float]
    within: Mapping[float, float]


@dataclass(frozen=True)
class Distances:
    """The distances between two surfaces, and their percentiles over both directions pooled (under ``medpy``)."""

    reference_to_prediction: DirectedDistances
    prediction_to_reference: DirectedDistances
    pooled_percentiles_mm: Mapping[float, float]


@dataclass(frozen=True)
class BoundaryCounts:
    """Voxels nearer than a tolerance to the surface of their mask: of the reference, the prediction, and both."""

    reference: int
    prediction: int
    both: int


@dataclass(frozen=True)
class Masks:
    """The two masks of a label, bool arrays of equal shape."""

    reference: NDArray[np.bool_]
    prediction: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LabelPair:
    """Two label arrays of one grid, and the rules for their instances.

    Attributes
    ----------
    reference, prediction : uint8, uint16 or uint32 arrays of equal shape, (y, x) or (z, y, x), any strides
    spacing_mm : tuple of float
        One positive number for each axis.
    ignored_voxels : int
        How many background voxels of both arrays are no part of the grid that kappa and MCC look at.
    matching : {"iou", "overlap"}
    min_instance_ml : float
    """

    reference: LabelArray
    prediction: LabelArray
    spacing_mm: tuple[float, ...]
    ignored_voxels: int = 0
    matching: Matching = "iou"
    min_instance_ml: float = 0.0

    @property
    def voxel_ml(self) -> float:
        """The volume of a voxel; sorted factors, so that the last bit does not depend on the order of the axes."""
        return math.prod(sorted(self.spacing_mm)) / 1000

    @property
    def diagonal_mm(self) -> float:
        """The diagonal of the grid, to the same bit in every order of the axes."""
        return math.hypot(*sorted(size * step for size, step in zip(self.reference.shape, self.spacing_mm)))

    @property
    def _on_host(self) -> bool:
        return device_of(self.reference) == device_of(self.prediction) == HOST

    def in_memory_order(self) -> LabelPair:
        """Return a view whose axes lie as they are stored: Fortran order then needs no copy. On a device, the pair."""
        if not self._on_host:
            return self
        order = sorted(range(self.reference.ndim), key=lambda axis: -abs(self.reference.strides[axis]))
        return replace(
            self,
            reference=self.reference.transpose(order),
            prediction=self.prediction.transpose(order),
            spacing_mm=tuple(self.spacing_mm[axis] for axis in order),
        )

    def contiguous(self) -> LabelPair:
        """Return the pair in C order; on a device, as it is."""
        if not self._on_host:
            return self
        return replace(
            self, reference=np.ascontiguousarray(self.reference), prediction=np.ascontiguousarray(self.prediction)
        )


@dataclass(frozen=True, eq=False)
class LabelInputs:
    """The inputs of one label; those that only some metrics need are worked out when they are read.

    Attributes
    ----------
    label : int
    pair : LabelPair
    counts : Counts
    distances : Distances, optional
        Where both masks hold the label and a metric needs them.
    boundaries : mapping of float to BoundaryCounts
        By tolerance in mm; likewise.
    """

    label: int
    pair: LabelPair
    counts: Counts
    distances: Distances | None
    boundaries: Mapping[float, BoundaryCounts]

    @cached_property
    def masks(self) -> Masks:
        """The masks of the label, in the axis order of the pair."""
        return Masks(self.pair.reference == self.label, self.pair.prediction == self.label)

    @cached_property
    def instances(self) -> InstanceAgreement:
        """The agreement of the connected components of the masks."""
        return instance_agreement(
            self.masks.reference,
            self.masks.prediction,
            self.pair.spacing_mm,
            matching=self.pair.matching,
            min_instance_ml=self.pair.min_instance_ml,
        )
