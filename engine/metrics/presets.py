"""Measuring under a preset: values remapped, the ignored left out, regions composed, further metrics where they fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from maskwright.engine.config import LabelSpec, Preset, Region
from maskwright.engine.metrics.centreline import cldice
from maskwright.engine.metrics.comparison import LabelMetrics
from maskwright.engine.metrics.instances import instance_agreement
from maskwright.engine.metrics.measure import LabelArray, measure
from maskwright.engine.metrics.options import CompareOptions


def measure_preset(
    reference: LabelArray,
    prediction: LabelArray,
    spacing_mm: tuple[float, ...],
    preset: Preset,
    options: CompareOptions,
) -> dict[int, LabelMetrics]:
    """Return the metrics of every label and region of a preset, ascending by number; see ``Preset``."""
    reference, prediction = _remap(reference, preset.remap), _remap(prediction, preset.remap)
    ignored = 0
    if preset.ignore is not None:
        left_out = reference == preset.ignore
        ignored = int(left_out.sum())
        if ignored:
            reference, prediction = (np.where(left_out, mask.dtype.type(0), mask) for mask in (reference, prediction))
    found = measure(reference, prediction, spacing_mm, sorted(preset.labels), options, ignored)
    for label, spec in preset.labels.items():
        found[label] = _extend(found[label], reference, prediction, (label,), spec, spacing_mm, preset)
    for number, region in preset.regions.items():
        masks = [np.isin(mask, region.labels).view(np.uint8) for mask in (reference, prediction)]
        metrics = measure(masks[0], masks[1], spacing_mm, [1], options, ignored)[1]
        found[number] = _extend(metrics, reference, prediction, region.labels, region, spacing_mm, preset)
    return dict(sorted(found.items()))


def _remap(mask: LabelArray, changes: Mapping[int, int]) -> LabelArray:
    """Return the mask with each value that is a key replaced, in a type that holds the new values."""
    present = {old: new for old, new in changes.items() if old <= np.iinfo(mask.dtype).max}
    if not present:
        return mask
    dtype = np.promote_types(mask.dtype, np.min_scalar_type(max(present.values())))
    result = mask.astype(dtype)
    for old, new in present.items():
        result[mask == old] = new
    return result


def _extend(
    metrics: LabelMetrics,
    reference: LabelArray,
    prediction: LabelArray,
    labels: Iterable[int],
    spec: LabelSpec | Region,
    spacing_mm: tuple[float, ...],
    preset: Preset,
) -> LabelMetrics:
    """Add clDice where the label is tubular and the instance metrics where it is made of instances."""
    if not (spec.tubular or spec.instances):
        return metrics
    first, second = (np.isin(mask, list(labels)) for mask in (reference, prediction))
    values = dict(metrics.values)
    if spec.tubular:
        values["cldice"] = cldice(first, second)
    if spec.instances:
        agreement = instance_agreement(
            first, second, spacing_mm, matching=preset.matching, min_instance_ml=preset.min_instance_ml
        )
        values |= agreement.values()
    return LabelMetrics(values, metrics.reference_voxels, metrics.prediction_voxels)
