"""The slow, plain definition of every metric of ``engine/metrics/table.py`` but clDice and those of instances.

Words as there: A is the reference mask of a label, B the prediction, S(A) the voxels of A with a face neighbour
outside A (the image edge counts as outside), d(p, S) the distance in mm from p to the nearest voxel of S. Distances
are taken between all pairs of points, in float64. Nothing of Maskwright is used here.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import binary_erosion, generate_binary_structure

# d <= tolerance, and d < tolerance for boundary IoU, are tested with this relative slack; ``deepmind`` tests exactly.
SLACK = 1 + 1e-9


def compare_plainly(
    reference,
    prediction,
    spacing_mm,
    *,
    tolerances_mm=(2.0,),
    percentiles=(95.0,),
    convention="metrics-reloaded",
    empty="infinite",
    labels=None,
):
    """Return ``{label: {column: value}}`` for all labels but 0 in either array, or for ``labels``."""
    if labels is None:
        labels = sorted({int(value) for value in (*np.unique(reference), *np.unique(prediction))} - {0})
    return {
        label: metrics_of_masks(
            reference == label, prediction == label, spacing_mm, tolerances_mm, percentiles, convention, empty
        )
        for label in labels
    }


def metrics_of_masks(a, b, spacing_mm, tolerances_mm, percentiles, convention, empty):
    """Return every metric of one pair of boolean masks under one convention; ``None`` where it defines none."""
    surface_metrics = {"metrics-reloaded": _metrics_reloaded, "medpy": _medpy, "deepmind": _deepmind}[convention]
    values = {**overlap_metrics(a, b), **volume_metrics(a, b, spacing_mm)}
    if a.any() and b.any():
        values |= surface_metrics(a, b, spacing_mm, tolerances_mm, percentiles)
    else:
        values |= _empty_metrics(a, b, spacing_mm, tolerances_mm, percentiles, convention, empty)
    return values


def overlap_metrics(a, b):
    """Return the metrics of the four counts."""
    tp, fp, fn, tn = (int(np.sum(x & y)) for x, y in ((a, b), (~a, b), (a, ~b), (~a, ~b)))
    if tp + fp + fn == 0:
        return dict.fromkeys(("dice", "iou", "sensitivity", "precision", "volume_similarity", "kappa", "mcc"), math.nan)
    return {
        "dice": 2 * tp / (2 * tp + fp + fn),
        "iou": tp / (tp + fp + fn),
        "sensitivity": tp / (tp + fn) if tp + fn else math.nan,
        "precision": tp / (tp + fp) if tp + fp else math.nan,
        "volume_similarity": 1 - abs(fn - fp) / (2 * tp + fp + fn),
        "kappa": _kappa(tp, fp, fn, tn),
        "mcc": _mcc(tp, fp, fn, tn),
    }


def _kappa(tp, fp, fn, tn):
    total = tp + fp + fn + tn
    observed = (tp + tn) / total
    expected = ((tp + fp) * (tp + fn) + (tn + fp) * (tn + fn)) / total**2
    return (observed - expected) / (1 - expected) if expected != 1 else math.nan


def _mcc(tp, fp, fn, tn):
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    if product == 0:
        # One mask is empty or full and says nothing; two full masks leave nothing to correlate.
        return math.nan if tn + fp + fn == 0 else 0.0
    return (tp * tn - fp * fn) / math.sqrt(product)


def volume_metrics(a, b, spacing_mm):
    """Return |B| - |A| in mL, signed and absolute."""
    difference = (int(b.sum()) - int(a.sum())) * math.prod(spacing_mm) / 1000
    return {"volume_difference_ml": difference, "absolute_volume_difference_ml": abs(difference)}


def surface(mask):
    """Return the indices, int64[n, ndim], of the voxels with a face neighbour outside the mask or the image."""
    inner = binary_erosion(mask, generate_binary_structure(mask.ndim, 1), border_value=0)
    return np.argwhere(mask & ~inner)


def nearest(points, others, spacing_mm):
    """Return for each of ``points`` (indices) the distance in mm to the nearest of ``others``."""
    # (i - j) * spacing, not i * spacing - j * spacing: the last bit decides a tolerance that is tested exactly.
    squares = np.zeros((len(points), len(others)))
    for axis, step in enumerate(spacing_mm):
        squares += (np.subtract.outer(points[:, axis], others[:, axis]) * step) ** 2
    return np.sqrt(squares.min(axis=1))


def _metrics_reloaded(a, b, spacing_mm, tolerances_mm, percentiles):
    forward, backward = nearest(surface(a), surface(b), spacing_mm), nearest(surface(b), surface(a), spacing_mm)
    pooled = np.concatenate([forward, backward])
    values = {
        "hd": pooled.max(),
        "assd": pooled.mean(),
        "masd": (forward.mean() + backward.mean()) / 2,
    }
    for column, percentile in hausdorff_columns(percentiles):
        values[column] = max(np.percentile(forward, percentile), np.percentile(backward, percentile))
    for suffix, tolerance in tolerance_suffixes(tolerances_mm):
        values["nsd" + suffix] = np.mean(pooled <= tolerance * SLACK)
        values["boundary_iou" + suffix] = boundary_iou(a, b, spacing_mm, tolerance)
    return values


def _medpy(a, b, spacing_mm, tolerances_mm, percentiles):
    forward, backward = nearest(surface(a), surface(b), spacing_mm), nearest(surface(b), surface(a), spacing_mm)
    pooled = np.concatenate([forward, backward])
    values = {"hd": pooled.max(), "assd": pooled.mean(), "masd": (forward.mean() + backward.mean()) / 2}
    for column, percentile in hausdorff_columns(percentiles):
        values[column] = np.percentile(pooled, percentile)
    for suffix, _ in tolerance_suffixes(tolerances_mm):
        values |= {"nsd" + suffix: None, "boundary_iou" + suffix: None}
    return values


def boundary_iou(a, b, spacing_mm, tolerance_mm):
    """Return the IoU of the voxels of A nearer than the tolerance to S(A) with those of B nearer than it to S(B).

    As Metrics Reloaded's code has it (pairwise_measures.boundary_iou): at one voxel a band is S itself, at 0 it is
    empty and there is no IoU.
    """
    bands = []
    for mask in (a, b):
        band = np.zeros(mask.shape, bool)
        voxels = np.argwhere(mask)
        near = nearest(voxels, surface(mask), spacing_mm) < tolerance_mm / SLACK
        band[tuple(voxels[near].T)] = True
        bands.append(band)
    union = np.sum(bands[0] | bands[1])
    return np.sum(bands[0] & bands[1]) / union if union else math.nan


def _deepmind(a, b, spacing_mm, tolerances_mm, percentiles):
    (points_a, areas_a), (points_b, areas_b) = surface_elements(a, spacing_mm), surface_elements(b, spacing_mm)
    forward, areas_a = _by_distance(nearest(points_a, points_b, spacing_mm), areas_a)
    backward, areas_b = _by_distance(nearest(points_b, points_a, spacing_mm), areas_b)
    values = {
        "hd": max(forward[-1], backward[-1]),
        "assd_reference_to_prediction": np.sum(forward * areas_a) / np.sum(areas_a),
        "assd_prediction_to_reference": np.sum(backward * areas_b) / np.sum(areas_b),
    }
    for column, percentile in hausdorff_columns(percentiles):
        values[column] = max(
            _weighted_percentile(forward, areas_a, percentile), _weighted_percentile(backward, areas_b, percentile)
        )
    for suffix, tolerance in tolerance_suffixes(tolerances_mm):
        near = np.sum(areas_a[forward <= tolerance]) + np.sum(areas_b[backward <= tolerance])
        values["nsd" + suffix] = near / (np.sum(areas_a) + np.sum(areas_b))
        values["boundary_iou" + suffix] = None
    return values | {"assd": None, "masd": None}


def surface_elements(mask, spacing_mm):
    """Return the corners where 2x2x2 (2x2) voxels are neither all inside nor all outside, and their areas in mm2 (mm).

    The areas of the 256 (16) neighbourhoods are the tables of surface-distance 0.1, which define the convention.
    """
    from surface_distance import lookup_tables

    tables = {
        2: lookup_tables.create_table_neighbour_code_to_contour_length,
        3: lookup_tables.create_table_neighbour_code_to_surface_area,
    }
    padded = np.pad(mask, 1).astype(np.int64)
    code = np.zeros([size - 1 for size in padded.shape], np.int64)
    for corner in np.ndindex(*[2] * mask.ndim):
        code = 2 * code + padded[tuple(slice(k, k + n) for k, n in zip(corner, code.shape, strict=True))]
    points = np.argwhere((code > 0) & (code < 2**2**mask.ndim - 1))
    return points, tables[mask.ndim](spacing_mm)[code[tuple(points.T)]]


def _by_distance(distances, areas):
    order = np.lexsort((areas, distances))
    return distances[order], areas[order]


def _weighted_percentile(distances, areas, percentile):
    share = np.cumsum(areas) / np.sum(areas)
    return distances[min(np.searchsorted(share, percentile / 100), len(distances) - 1)]


def _empty_metrics(a, b, spacing_mm, tolerances_mm, percentiles, convention, empty):
    """Return what the empty rule says: NaN where both are empty; else no agreement and infinitely far."""
    both = not a.any() and not b.any()
    diagonal = math.hypot(*(size * step for size, step in zip(a.shape, spacing_mm, strict=True)))
    far = math.nan if both else diagonal if empty == "penalty" else math.inf
    none = math.nan if both else 0.0
    distances = {
        "metrics-reloaded": ("hd", "assd", "masd"),
        "medpy": ("hd", "assd", "masd"),
        "deepmind": ("hd", "assd_reference_to_prediction", "assd_prediction_to_reference"),
    }[convention]
    values = dict.fromkeys((*distances, *(column for column, _ in hausdorff_columns(percentiles))), far)
    for suffix, _ in tolerance_suffixes(tolerances_mm):
        values["nsd" + suffix] = None if convention == "medpy" else none
        values["boundary_iou" + suffix] = none if convention == "metrics-reloaded" else None
    return values | ({"assd": None, "masd": None} if convention == "deepmind" else {})


def hausdorff_columns(percentiles):
    """Return (column, percentile): hd95 always, the others beside it."""
    return [(f"hd{percentile:g}", percentile) for percentile in dict.fromkeys((95.0, *percentiles))]


def tolerance_suffixes(tolerances_mm):
    """Return (suffix, tolerance): no suffix for the first tolerance."""
    return [("" if k == 0 else f"@{tolerance:g}mm", tolerance) for k, tolerance in enumerate(tolerances_mm)]
