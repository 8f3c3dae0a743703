"""The simulated annotator: the next click and the scribble of an annotator who knows the reference.

Tests, benchmarks and the demo all click by this one rule, so that their curves can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import GeometryError, LabelError, PromptError
from maskwright.interactive.crop import Crop, box_of
from maskwright.interactive.simulation.stroke import draw_stroke
from maskwright.kernels.components import label_components
from maskwright.kernels.distance import distance_transform
from maskwright.kernels.label_array import check_spacing
from maskwright.kernels.mask import Mask

__all__ = ["Click", "next_click", "simulate_scribble"]

# Distances that differ by less than this share are a tie: they are sums of squares in floating point.
_TIE = 1e-9


@dataclass(frozen=True)
class Click:
    """One click: the voxel's index in array order, and whether it is inside."""

    index: tuple[int, ...]
    positive: bool


def next_click(reference: Mask, prediction: Mask | None, spacing_mm: Sequence[float]) -> Click | None:
    """Return the click at the centre of the largest error, or ``None`` where there is no error.

    Missed voxels (positive) and voxels too many (negative) form components of their own, 6-connected in 3-D and
    4-connected in 2-D; the largest by voxels is clicked. Its centre is the voxel with the largest distance in mm to
    the nearest voxel outside the component, and beyond the image is outside.

    Parameters
    ----------
    reference : bool, shape (y, x) or (z, y, x)
        The true mask.
    prediction : bool, the same shape, or None
        The mask so far. ``None`` before the first click, which goes to the centre of the largest reference component.
    spacing_mm : one positive number an axis
        Voxel size in mm, in array-axis order.

    Returns
    -------
    Click or None
        Ties, of components and of centres, go to the lowest index in C order (of components: of their first voxel).

    Raises
    ------
    LabelError, InputError
        Not bool, or not two or three axes.
    GeometryError
        Shapes that differ, or a spacing that does not fit.

    Notes
    -----
    The rule of the click-based segmentation literature (for example Sofiiuk et al., "Reviving iterative training with
    mask guidance for interactive segmentation", ICIP 2022), with distances in mm.

    Examples
    --------
    >>> reference = np.zeros((5, 9), bool)
    >>> reference[1:4, 1:8] = True
    >>> next_click(reference, None, (1.0, 1.0))
    Click(index=(2, 2), positive=True)
    """
    _check_mask(reference, "reference")
    spacing = check_spacing(spacing_mm, reference.ndim)
    if prediction is None:
        error = np.ascontiguousarray(reference).view(np.uint8)
    else:
        _check_mask(prediction, "prediction")
        if prediction.shape != reference.shape:
            raise GeometryError(
                f"reference has shape {reference.shape} and prediction {prediction.shape}; expected equal shapes"
            )
        error = reference.astype(np.uint8)
        error += error  # 2 in the reference, 3 in both, 1 in the prediction alone
        error += prediction
        error[error == 3] = 0
    wrong = error != 0
    if not wrong.any():
        return None
    box = box_of(wrong)
    component, inner = _largest_component(error[box.slices])
    offsets = zip(box.lower, inner.lower, _centre(component, spacing))
    index = tuple(a + b + i for a, b, i in offsets)
    return Click(index, bool(reference[index]))


def simulate_scribble(mask: Mask, spacing_mm: Sequence[float], seed: int) -> Mask:
    """Return a random smooth stroke inside ``mask``, somewhat along the middle of its largest component.

    In 3-D the stroke is drawn on one slice, as annotators do: the one of the first axis where the largest component
    has most voxels (ties: the lowest).

    Parameters
    ----------
    mask : bool, shape (y, x) or (z, y, x)
        Where the stroke may run: an object, or for a negative stroke the background around it.
    spacing_mm : one positive number an axis
        Voxel size in mm, in array-axis order.
    seed : int
        The same mask, spacing and seed give the same stroke.

    Returns
    -------
    bool, the shape of ``mask``
        At least one voxel, all within ``mask``.

    Raises
    ------
    PromptError
        The mask is empty.
    LabelError, InputError, GeometryError
        As ``next_click``.
    """
    _check_mask(mask, "mask")
    spacing = check_spacing(spacing_mm, mask.ndim)
    if not mask.any():
        raise PromptError("mask is empty; expected at least one voxel to scribble on")
    box = box_of(mask)
    component, inner = _largest_component(np.ascontiguousarray(mask[box.slices]).view(np.uint8))
    stroke = np.zeros(component.shape, np.bool_)
    if mask.ndim == 3:
        best = int(np.argmax(component.sum(axis=(1, 2))))
        part, within = _largest_component(np.ascontiguousarray(component[best]).view(np.uint8))
        stroke[best][within.slices] = draw_stroke(part, spacing[1:], seed)
    else:
        stroke[...] = draw_stroke(component, spacing, seed)
    result = np.zeros(mask.shape, np.bool_)
    result[box.slices][inner.slices] = stroke
    return result


def _check_mask(mask: Mask, name: str) -> None:
    if mask.dtype != np.bool_:
        raise LabelError(f"{name} is {mask.dtype}; expected bool: pass {name} > 0 or labels == label")


def _largest_component(values: NDArray[np.uint8]) -> tuple[Mask, Crop]:
    """Return the largest component of equal non-zero value, cropped to its box, and that box."""
    components = label_components(values, connectivity=4 if values.ndim == 2 else 6)
    sizes = np.bincount(components.labels.reshape(-1), minlength=components.count + 1)
    sizes[0] = 0
    component = components.labels == np.argmax(sizes)
    box = box_of(component)
    return component[box.slices], box


def _centre(component: Mask, spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Return the index of the first voxel in C order that is as far inside as any."""
    distance = distance_transform(component, spacing, edge_is_border=True)
    first = int(np.argmax(distance.reshape(-1) >= distance.max() * (1 - _TIE)))
    return tuple(int(i) for i in np.unravel_index(first, component.shape))
