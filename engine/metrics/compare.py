"""``compare``: two masks in, the agreement of every label out."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from pathlib import Path

from numpy.typing import ArrayLike

from maskwright.engine.config import Preset
from maskwright.engine.metrics.columns import columns_of_every_label
from maskwright.engine.metrics.comparison import Comparison
from maskwright.engine.metrics.conventions import Convention
from maskwright.engine.metrics.inputs import LabelPair
from maskwright.engine.metrics.measure import measure
from maskwright.engine.metrics.options import CompareOptions, EmptyPolicy, make_options
from maskwright.engine.metrics.presets import measure_preset
from maskwright.engine.volume import LabelMap, align, count_left_out
from maskwright.engine.volume.intake import take_labels
from maskwright.errors import GeometryError, InputError, LabelError
from maskwright.kernels.label_array import check_spacing


def compare(
    reference: LabelMap | ArrayLike,
    prediction: LabelMap | ArrayLike,
    *,
    spacing_mm: Sequence[float] | None = None,
    labels: Iterable[int] | None = None,
    options: CompareOptions | None = None,
    tolerance_mm: float | Sequence[float] | None = None,
    percentile: float | Sequence[float] | None = None,
    convention: Convention | None = None,
    empty: EmptyPolicy | None = None,
    preset: Preset | str | Path | None = None,
    resample: bool | None = None,
) -> Comparison:
    """Return the agreement of a prediction with its reference, for every label.

    Parameters
    ----------
    reference, prediction : LabelMap, array or torch CPU tensor
        (y, x) or (z, y, x), bool, integer or float with whole values of at least 0; 0 is background. LabelMaps on the
        same grid in another axis order or direction are aligned exactly.
    spacing_mm : one positive number an axis, in array-axis order
        Needed for bare arrays, and for LabelMaps whose file says nothing; never assumed.
    labels : iterable of int
        Which labels to measure, those that do not occur included; not together with a preset.
    options : CompareOptions
        The definitions to measure under.
    tolerance_mm, percentile, convention, empty, preset, resample
        Shorthand for a field of ``options``, and not together with it: one tolerance in mm or several, one Hausdorff
        percentile or several, and a preset also by its name or path.

    Returns
    -------
    Comparison
        ``result.labels[1].dice``, ``result.to_polars()``, ``result.to_json()``. A label that neither mask holds is NaN
        but for differences and counts, which are 0; the empty rules stand in the records of
        ``maskwright.engine.metrics.families``.

    Raises
    ------
    GeometryError
        Shapes, grids or spacing do not fit together, or the spacing is missing.
    LabelError
        Values are negative, fractional or NaN.
    ConfigError
        A bad option.

    Examples
    --------
    >>> import numpy as np
    >>> reference, prediction = np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 8), np.uint8)
    >>> reference[:, 1:5, 1:5], prediction[:, 1:5, 2:6] = 1, 1
    >>> result = compare(reference, prediction, spacing_mm=(2.0, 1.0, 1.0), tolerance_mm=0.5)
    >>> result.labels[1].dice, result.labels[1].hd95
    (0.75, 1.0)
    """
    options = make_options(
        options,
        tolerance_mm=tolerance_mm,
        percentile=percentile,
        convention=convention,
        empty=empty,
        preset=preset,
        resample=resample,
    )
    if options.preset is not None and labels is not None:
        raise InputError("labels and preset were both given; expected one: a preset names its own labels")
    outside = 0
    if isinstance(reference, LabelMap) and isinstance(prediction, LabelMap):
        pair = _pair_of_maps(reference, prediction, spacing_mm, options)
        outside = count_left_out(prediction, reference) if options.resample else 0
    else:
        pair = _pair_of_arrays(reference, prediction, spacing_mm)
    if options.preset is not None:
        by_label = measure_preset(pair, options.preset, options)
    else:
        columns = None if labels is None else dict.fromkeys(_checked(labels), columns_of_every_label(options))
        by_label = measure(pair, columns, options)
    return Comparison(pair.spacing_mm, options.convention, by_label, {"voxels_outside_grid": outside})


def _pair_of_maps(
    reference: LabelMap, prediction: LabelMap, spacing_mm: Sequence[float] | None, options: CompareOptions
) -> LabelPair:
    aligned = align(prediction, reference, resample=options.resample)
    known = reference.spacing_mm
    if known is not None and spacing_mm is not None:
        raise GeometryError(f"spacing_mm was given, and the masks have their own, {known}; leave it out")
    return LabelPair(reference.array, aligned.array, _spacing(known or spacing_mm, reference.array.ndim))


def _pair_of_arrays(
    reference: LabelMap | ArrayLike, prediction: LabelMap | ArrayLike, spacing_mm: Sequence[float] | None
) -> LabelPair:
    if isinstance(reference, LabelMap) or isinstance(prediction, LabelMap):
        raise InputError("one of the masks is a LabelMap and the other an array; expected two of one kind")
    arrays = take_labels(reference, "reference"), take_labels(prediction, "prediction")
    shapes = tuple(arrays[0].shape), tuple(arrays[1].shape)
    if shapes[0] != shapes[1]:
        raise GeometryError(f"reference has shape {shapes[0]} and prediction {shapes[1]}; expected equal shapes")
    return LabelPair(*arrays, _spacing(spacing_mm, len(shapes[0])))


def _spacing(spacing_mm: Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    if spacing_mm is None:
        raise GeometryError("the spacing is not known; give spacing_mm, one number in mm for each axis in array order")
    return check_spacing(spacing_mm, ndim)


def _checked(labels: Iterable[int]) -> list[int]:
    try:
        wanted = sorted({operator.index(label) for label in labels})
    except TypeError as error:
        raise LabelError(f"labels are {labels!r}; expected an iterable of whole numbers") from error
    if wanted and not 1 <= wanted[0] <= wanted[-1] <= 2**32 - 1:
        raise LabelError(f"labels are {wanted}; expected whole numbers from 1 to 2**32 - 1")
    return wanted
