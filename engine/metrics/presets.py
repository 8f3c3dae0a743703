"""Measure under a preset: values remapped, the ignored voxels left out, regions composed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from maskwright.engine.config import Preset
from maskwright.engine.metrics.columns import columns_by_label
from maskwright.engine.metrics.comparison import LabelMetrics
from maskwright.engine.metrics.inputs import LabelArray, LabelPair
from maskwright.engine.metrics.measure import measure
from maskwright.engine.metrics.options import CompareOptions


def measure_preset(pair: LabelPair, preset: Preset, options: CompareOptions) -> dict[int, LabelMetrics]:
    """Return the metrics of every label and region of a preset, ascending by number; see ``Preset``."""
    pair = _without_ignored(_remapped(pair, preset.remap), preset.ignore)
    pair = replace(pair, matching=preset.matching, min_instance_ml=preset.min_instance_ml)
    columns = columns_by_label(options)
    by_label = measure(pair, {label: columns[label] for label in preset.labels}, options)
    for number, region in preset.regions.items():
        masks = (np.isin(mask, region.labels).view(np.uint8) for mask in (pair.reference, pair.prediction))
        reference, prediction = masks
        as_mask = replace(pair, reference=reference, prediction=prediction)
        by_label[number] = measure(as_mask, {1: columns[number]}, options)[1]
    return dict(sorted(by_label.items()))


def _remapped(pair: LabelPair, changes: Mapping[int, int]) -> LabelPair:
    return replace(
        pair, reference=_remap_mask(pair.reference, changes), prediction=_remap_mask(pair.prediction, changes)
    )


def _remap_mask(mask: LabelArray, changes: Mapping[int, int]) -> LabelArray:
    """Return the mask with each value that is a key replaced, in a type that holds the new values."""
    present = {old: new for old, new in changes.items() if old <= np.iinfo(mask.dtype).max}
    if not present:
        return mask
    dtype = np.promote_types(mask.dtype, np.min_scalar_type(max(present.values())))
    result = mask.astype(dtype)
    for old, new in present.items():
        result[mask == old] = new
    return result


def _without_ignored(pair: LabelPair, label: int | None) -> LabelPair:
    """Return the pair with background in both masks where the reference holds the label to ignore."""
    ignored = None if label is None else pair.reference == label
    if ignored is None or not ignored.any():
        return pair
    reference, prediction = (np.where(ignored, mask.dtype.type(0), mask) for mask in (pair.reference, pair.prediction))
    return replace(pair, reference=reference, prediction=prediction, ignored_voxels=int(ignored.sum()))
