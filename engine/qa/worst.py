"""Choose the worst cases of a run and draw them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from maskwright.engine.config.preset import Preset
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.qa.manifest import Case
from maskwright.engine.report.picture import Picture, draw_disagreement
from maskwright.engine.volume import LabelMap

MOST_PICTURES = 12
MOST_PER_LABEL = 4


@dataclass(frozen=True)
class PictureTask:
    """One label of one case to draw."""

    case: Case
    label: int
    options: CompareOptions


def worst_rows(results: pl.DataFrame) -> list[dict[str, object]]:
    """Return the rows of the worst cases, worst first: by Dice, then by Hausdorff distance.

    At most ``MOST_PER_LABEL`` a label and ``MOST_PICTURES`` in all; none where nothing differs.
    """
    if "dice" not in results.columns:
        return []
    order = ["dice", *(name for name in ("hd95", "hd") if name in results.columns)]
    differing = results.filter(pl.col("dice").is_not_nan() & (pl.col("dice") < 1))
    ranked = differing.sort(order, descending=[name != "dice" for name in order])
    return ranked.filter(pl.int_range(pl.len()).over("label") < MOST_PER_LABEL).head(MOST_PICTURES).to_dicts()


def draw_worst(task: PictureTask) -> Picture | None:
    """Read a case once more and draw one of its labels; return None where that fails."""
    try:
        return _draw(task)
    except Exception:
        return None


def _draw(task: PictureTask) -> Picture:
    from maskwright.engine.io import read_labels
    from maskwright.engine.volume import align

    case, preset = task.case, task.options.preset
    reference, prediction = (
        read_labels(path, spacing_mm=case.spacing_mm) for path in (case.reference, case.prediction)
    )
    prediction = align(prediction, reference, resample=task.options.resample)
    masks = [_mask(labels, task.label, preset) for labels in (reference, prediction)]
    if preset is not None and preset.ignore is not None:
        counted = ~np.isin(reference.array, preset.stored_values(preset.ignore))
        masks = [mask & counted for mask in masks]
    spacing = reference.grid.require_spacing()
    return draw_disagreement(masks[0], masks[1], spacing, reference.affine, _image(case, reference))


def _mask(labels: LabelMap, label: int, preset: Preset | None) -> NDArray[np.bool_]:
    values = preset.stored_values(label) if preset else (label,)
    return np.isin(labels.array, values)


def _image(case: Case, reference: LabelMap) -> NDArray[np.generic] | None:
    """Return the image where there is one on the reference's grid."""
    from maskwright.engine.io import read

    if case.image is None:
        return None
    try:
        image = read(case.image, spacing_mm=case.spacing_mm)
    except Exception:
        return None
    return image.array if image.grid.is_same(reference.grid) else None
