"""Match the instances of two masks: lesions, nuclei or other separate parts of a label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.config.preset import Matching
from maskwright.errors import ConfigError, LabelError
from maskwright.kernels.components import label_components
from maskwright.kernels.label_array import as_label_pair, check_spacing
from maskwright.kernels.overlap import count_overlaps

# What one more pair adds to a total IoU: nothing but the choice between equal totals.
_MORE_PAIRS = 1e-12


@dataclass(frozen=True)
class InstanceAgreement:
    """How the instances of a prediction agree with those of a reference; see ``match_instances``.

    The fields from ``instance_f1`` on are metrics. Those before them say how many instances of each side were compared,
    and how many were dropped for being smaller than the minimum.
    """

    matching: Matching
    reference_instances: int
    prediction_instances: int
    reference_dropped: int
    prediction_dropped: int
    instance_f1: float
    instance_sensitivity: float
    false_positives: int
    false_negatives: int
    pq: float
    sq: float
    rq: float
    matched_dice: float
    false_positive_volume_ml: float
    false_negative_volume_ml: float
    splits: int
    merges: int


def instance_agreement(
    reference: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    spacing_mm: Sequence[float],
    *,
    matching: Matching,
    min_instance_ml: float,
) -> InstanceAgreement:
    """Compare the connected components of two masks as instances.

    Components are 26-connected in 3-D and 8-connected in 2-D; all else is ``match_instances``.

    Parameters
    ----------
    reference, prediction : bool, shape (y, x) or (z, y, x)
        Of equal shape; any strides.
    spacing_mm, matching, min_instance_ml
        As in ``match_instances``.

    Raises
    ------
    LabelError
        A mask is not bool.
    InputError
        As ``match_instances``.
    """
    for name, mask in (("reference", reference), ("prediction", prediction)):
        if mask.dtype != np.bool_:
            raise LabelError(f"{name} is {mask.dtype}; expected a bool mask: pass labels == label")
    maps = [label_components(mask).labels for mask in as_label_pair(reference, prediction)]
    return match_instances(maps[0], maps[1], spacing_mm, matching=matching, min_instance_ml=min_instance_ml)


def match_instances(
    reference: NDArray[Any],
    prediction: NDArray[Any],
    spacing_mm: Sequence[float],
    *,
    matching: Matching,
    min_instance_ml: float,
) -> InstanceAgreement:
    """Compare two instance maps, in which each value but 0 is one instance.

    Instances are paired one to one. Under ``"overlap"`` two instances may be a pair if they share a voxel, and the
    pairs are those with the greatest total IoU (of equal totals, one with most pairs). Under ``"iou"`` they are a pair
    if their IoU is above 0.5, which no instance can have with two others. Panoptic quality and its parts always use
    the pairs with IoU above 0.5, as their definition says.

    A split is a reference instance that shares voxels with two or more predicted ones, a merge the reverse.

    Parameters
    ----------
    reference, prediction : uint8, uint16, uint32 or bool, shape (y, x) or (z, y, x)
        Of equal shape; any strides. An instance is all voxels of one value, connected or not.
    spacing_mm : one positive number an axis
        Voxel size in mm, in array-axis order. A pixel of a 2-D image counts as 1 mm thick.
    matching : "overlap" or "iou"
        Which two instances may be a pair: any that overlap, or those with an IoU above 0.5.
    min_instance_ml : float
        Instances of less volume are dropped on both sides, as if they were background; 0 keeps all.

    Returns
    -------
    InstanceAgreement
        Ratios of nothing are NaN: with no instance on either side F1, PQ and RQ; with none in the reference the
        sensitivity; without a pair the mean Dice of pairs and (at IoU > 0.5) SQ.

    Raises
    ------
    InputError
        Other dtypes or numbers of axes, different shapes, a spacing that does not fit, or an unknown option.

    Examples
    --------
    >>> reference = np.array([[1, 1, 0, 2, 2]], dtype=np.uint8)
    >>> prediction = np.array([[5, 5, 0, 0, 0]], dtype=np.uint8)
    >>> agreement = match_instances(reference, prediction, (1.0, 1.0), matching="iou", min_instance_ml=0)
    >>> agreement.false_negatives, agreement.instance_sensitivity, agreement.sq
    (1, 0.5, 1.0)
    """
    reference, prediction = as_label_pair(reference, prediction)
    voxel_ml = math.prod(check_spacing(spacing_mm, reference.ndim)) / 1000
    if matching not in get_args(Matching):
        raise ConfigError(f'matching is {matching!r}; expected "overlap" or "iou"')
    if not 0 <= min_instance_ml < math.inf:
        raise ConfigError(f"min_instance_ml is {min_instance_ml}; expected a number of mL, 0 or more")

    overlaps = count_overlaps(reference, prediction)
    # A volume that equals the minimum but for rounding is not small.
    min_voxels = min_instance_ml / voxel_ml * (1 - 1e-9)
    reference_side = _Side.of(overlaps.reference_labels, overlaps.reference_counts, min_voxels)
    prediction_side = _Side.of(overlaps.prediction_labels, overlaps.prediction_counts, min_voxels)
    large = np.isin(overlaps.pairs[:, 0], reference_side.labels) & np.isin(overlaps.pairs[:, 1], prediction_side.labels)
    rows = np.searchsorted(reference_side.labels, overlaps.pairs[large, 0])
    columns = np.searchsorted(prediction_side.labels, overlaps.pairs[large, 1])
    shared = overlaps.pair_counts[large]
    both = reference_side.voxels[rows] + prediction_side.voxels[columns]
    iou = shared / (both - shared)

    strict = 3 * shared > both  # IoU > 0.5, in whole numbers
    paired = strict if matching == "iou" else _assign(rows, columns, iou)
    pairs, strict_pairs = int(paired.sum()), int(strict.sum())
    instances = reference_side.labels.size + prediction_side.labels.size
    return InstanceAgreement(
        matching=matching,
        reference_instances=reference_side.labels.size,
        prediction_instances=prediction_side.labels.size,
        reference_dropped=reference_side.dropped,
        prediction_dropped=prediction_side.dropped,
        instance_f1=_ratio(2 * pairs, instances),
        instance_sensitivity=_ratio(pairs, reference_side.labels.size),
        false_positives=prediction_side.labels.size - pairs,
        false_negatives=reference_side.labels.size - pairs,
        pq=_ratio(2 * float(iou[strict].sum()), instances),
        sq=_ratio(float(iou[strict].sum()), strict_pairs),
        rq=_ratio(2 * strict_pairs, instances),
        matched_dice=_ratio(float((2 * shared / both)[paired].sum()), pairs),
        false_positive_volume_ml=prediction_side.voxels_without(columns[paired]) * voxel_ml,
        false_negative_volume_ml=reference_side.voxels_without(rows[paired]) * voxel_ml,
        splits=int((np.bincount(rows) >= 2).sum()),
        merges=int((np.bincount(columns) >= 2).sum()),
    )


@dataclass(frozen=True, eq=False)
class _Side:
    """The instances of one map that are large enough: sorted labels, and how many voxels each has."""

    labels: NDArray[np.uint64]
    voxels: NDArray[np.int64]
    dropped: int

    @classmethod
    def of(cls, labels: NDArray[np.uint64], voxels: NDArray[np.int64], min_voxels: float) -> _Side:
        foreground = labels > 0
        large = foreground & (voxels >= min_voxels)
        return cls(labels[large], voxels[large], int(foreground.sum() - large.sum()))

    def voxels_without(self, paired: NDArray[np.intp]) -> int:
        return int(self.voxels.sum() - self.voxels[paired].sum())


def _assign(rows: NDArray[np.intp], columns: NDArray[np.intp], iou: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Choose the one-to-one pairs with the greatest total IoU; of equal totals, most pairs.

    Each row may also stay alone, with a column of its own: so every row has a partner, as the solver wants. All edges
    weigh 1 more than they are worth, since it takes no edge of weight 0; a row has one edge, so the choice is the same.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    if rows.size == 0:
        return np.zeros(0, np.bool_)
    n_rows, n_columns = int(rows.max()) + 1, int(columns.max()) + 1
    alone = np.arange(n_rows)
    weights = np.concatenate([1 + iou + _MORE_PAIRS, np.ones(n_rows)])
    edges = (np.concatenate([rows, alone]), np.concatenate([columns, n_columns + alone]))
    graph = csr_array((weights, edges), shape=(n_rows, n_columns + n_rows))
    _, partners = min_weight_full_bipartite_matching(graph, maximize=True)
    chosen: NDArray[np.bool_] = partners[rows] == columns
    return chosen


def _ratio(part: float, whole: int) -> float:
    return part / whole if whole else math.nan
