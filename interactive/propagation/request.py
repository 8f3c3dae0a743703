"""The request of a propagation, checked: planes along one axis, the given ones, and the range to be filled."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import GeometryError, InputError, PromptError
from maskwright.kernels.device import require_host
from maskwright.kernels.label_array import LabelArray, as_label_array, check_spacing


@dataclass(frozen=True, eq=False)
class Request:
    """Planes (n, y, x) of the image and the labels, with the propagated axis first.

    ``given`` are the sorted numbers of the given planes, ``start`` and ``stop`` the half-open range to be filled,
    ``spacing_mm`` that within a plane and ``step_mm`` that between planes.
    """

    image: NDArray[Any]
    labels: LabelArray
    given: tuple[int, ...]
    start: int
    stop: int
    spacing_mm: tuple[float, float]
    step_mm: float


def make_request(
    image: NDArray[Any],
    sparse_mask: NDArray[Any],
    spacing_mm: Sequence[float],
    axis: int,
    given: Sequence[int] | None,
    start: int | None,
    stop: int | None,
) -> Request:
    """Return the request, or raise: see ``propagation.propagate``."""
    labels = as_label_array(sparse_mask, "sparse_mask")
    image = _check_image(image)
    if image.shape != labels.shape:
        raise GeometryError(f"image has shape {image.shape} and sparse_mask {labels.shape}; expected equal shapes")
    spacing = check_spacing(spacing_mm, 3)
    axis = _whole(axis, "axis")
    if axis not in (0, 1, 2):
        raise InputError(f"axis is {axis}; expected 0, 1 or 2, in (z, y, x)")
    image, labels = np.moveaxis(image, axis, 0), np.moveaxis(labels, axis, 0)
    count = labels.shape[0]
    start, stop = 0 if start is None else _whole(start, "start"), count if stop is None else _whole(stop, "stop")
    if not 0 <= start < stop <= count:
        raise GeometryError(f"start is {start} and stop {stop}; expected 0 <= start < stop <= {count}, half-open")
    within = tuple(value for k, value in enumerate(spacing) if k != axis)
    return Request(image, labels, _given(labels, given), start, stop, (within[0], within[1]), spacing[axis])


def _check_image(image: NDArray[Any]) -> NDArray[Any]:
    require_host(image, "image")
    image = np.asarray(image)
    if image.ndim != 3:
        raise InputError(f"image has {image.ndim} axes; expected (z, y, x): propagation goes from slice to slice")
    if image.dtype.kind not in "biuf":
        raise InputError(f"image is {image.dtype}; expected real numbers")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise InputError("image holds NaN or infinity; expected finite numbers")
    return image


def _given(labels: LabelArray, given: Sequence[int] | None) -> tuple[int, ...]:
    labelled = np.flatnonzero(labels.any(axis=(1, 2))).tolist()
    if given is None:
        if not labelled:
            raise PromptError("sparse_mask holds no label; expected at least one given slice: draw one, or name it")
        return tuple(labelled)
    named = sorted({_whole(number, "a slice in given") for number in given})
    if not named:
        raise PromptError("given is empty; expected the number of at least one given slice")
    count = labels.shape[0]
    if named[0] < 0 or named[-1] >= count:
        raise PromptError(f"given names slice {named[0] if named[0] < 0 else named[-1]}; expected 0 to {count - 1}")
    left_out = sorted(set(labelled) - set(named))
    if left_out:
        raise PromptError(f"slice {left_out[0]} holds labels and is not in given; name it, or clear it in sparse_mask")
    return tuple(named)


def _whole(number: int, name: str) -> int:
    try:
        return operator.index(number)
    except TypeError as error:
        raise InputError(f"{name} is {number!r}; expected a whole number") from error
