"""``compare``: two masks in, the agreement of every label out."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.engine.config import Preset
from maskwright.engine.metrics.comparison import Comparison
from maskwright.engine.metrics.measure import LabelArray, measure
from maskwright.engine.metrics.options import make_options
from maskwright.engine.metrics.presets import measure_preset
from maskwright.engine.volume import LabelMap, align, to_labels
from maskwright.errors import GeometryError, InputError, LabelError
from maskwright.kernels.label_array import check_spacing


def compare(
    reference: LabelMap | ArrayLike,
    prediction: LabelMap | ArrayLike,
    *,
    spacing_mm: float | Sequence[float] | None = None,
    tolerance_mm: float | Sequence[float] = 2.0,
    percentile: float | Sequence[float] = 95.0,
    convention: str = "metrics-reloaded",
    empty: Literal["infinite", "penalty"] = "infinite",
    preset: Preset | None = None,
    labels: Iterable[int] | None = None,
) -> Comparison:
    """Return the agreement of a prediction with its reference, for every label.

    Parameters
    ----------
    reference, prediction : LabelMap, array or torch CPU tensor
        (y, x) or (z, y, x), bool, integer or float with whole values of at least 0; 0 is background. LabelMaps on the
        same grid in another axis order or direction are aligned exactly.
    spacing_mm : one positive number an axis, in array-axis order
        Needed for bare arrays, and for LabelMaps whose file says nothing; never assumed.
    tolerance_mm : float or sequence of float
        For surface Dice and boundary IoU. The first names the columns ``nsd`` and ``boundary_iou``; further ones add
        ``nsd@3mm`` and so on.
    percentile : float or sequence of float
        Hausdorff percentiles beside ``hd95``, which is always there.
    convention : {"metrics-reloaded", "medpy", "deepmind"}
        Whose definitions of the surface metrics; see ``maskwright.engine.metrics.conventions``.
    empty : {"infinite", "penalty"}
        Distances where one mask is empty: infinity, or the diagonal of the grid in mm.
    preset : Preset
        What the labels mean: which to measure, regions made of several, which to ignore.
    labels : iterable of int
        Which labels to measure, those that do not occur included; not together with ``preset``.

    Returns
    -------
    Comparison
        ``result.labels[1].dice``, ``result.to_polars()``, ``result.to_json()``. A label that neither mask holds is NaN
        but for differences and counts, which are 0; see ``maskwright.engine.metrics.table`` for the empty rules.

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
    options = make_options(tolerance_mm, percentile, convention, empty)
    if preset is not None and labels is not None:
        raise InputError("labels and preset were both given; expected one: a preset names its own labels")
    first, second, spacing = _as_pair(reference, prediction, spacing_mm)
    if preset is None:
        found = measure(first, second, spacing, None if labels is None else _checked(labels), options)
    else:
        found = measure_preset(first, second, spacing, preset, options)
    return Comparison(spacing, options.convention, found)


def _as_pair(
    reference: LabelMap | ArrayLike, prediction: LabelMap | ArrayLike, spacing_mm: float | Sequence[float] | None
) -> tuple[LabelArray, LabelArray, tuple[float, ...]]:
    if isinstance(reference, LabelMap) and isinstance(prediction, LabelMap):
        aligned = align(prediction, reference)
        spacing = reference.spacing_mm
        if spacing is not None and spacing_mm is not None:
            raise GeometryError(f"spacing_mm was given, and the masks have their own, {spacing}; leave it out")
        return (
            reference.array,
            aligned.array,
            _spacing(spacing_mm if spacing is None else spacing, reference.array.ndim),
        )
    if isinstance(reference, LabelMap) or isinstance(prediction, LabelMap):
        raise InputError("one of the masks is a LabelMap and the other an array; expected two of one kind")
    first, second = _as_array(reference, "reference"), _as_array(prediction, "prediction")
    if first.shape != second.shape:
        raise GeometryError(f"reference has shape {first.shape} and prediction {second.shape}; expected equal shapes")
    return first, second, _spacing(spacing_mm, first.ndim)


def _spacing(spacing_mm: float | Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    if spacing_mm is None:
        raise GeometryError("the spacing is not known; give spacing_mm, one number in mm an axis in array-axis order")
    return check_spacing(spacing_mm, ndim)


def _as_array(mask: Any, name: str) -> LabelArray:
    if hasattr(mask, "detach"):  # a torch tensor, which may ask for gradients
        mask = mask.detach()
    if hasattr(mask, "__cuda_array_interface__"):
        raise InputError(f"{name} is on a CUDA device; expected an array in main memory: call .cpu() first")
    if np.ma.is_masked(mask):
        raise InputError(f"{name} is an array with masked values; expected plain labels: call .filled(0) first")
    try:
        array: NDArray[Any] = np.asarray(mask)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} is no array of numbers: {error}") from error
    if array.ndim not in (2, 3) or array.size == 0:
        raise InputError(f"{name} has shape {array.shape}; expected (y, x) or (z, y, x), with at least one voxel")
    return to_labels(array)


def _checked(labels: Iterable[int]) -> list[int]:
    try:
        wanted = sorted({operator.index(label) for label in labels})
    except TypeError as error:
        raise LabelError(f"labels are {labels!r}; expected an iterable of whole numbers") from error
    if wanted and not 1 <= wanted[0] <= wanted[-1] <= 2**32 - 1:
        raise LabelError(f"labels are {wanted}; expected whole numbers from 1 to 2**32 - 1")
    return wanted
