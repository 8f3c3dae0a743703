"""Prompts of an annotator about one object. All are frozen and checked against the image when they are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from maskwright.errors import PromptError
from maskwright.interactive.crop import Crop, box_of


@dataclass(frozen=True)
class Area:
    """Voxels, as the bits of their bounding box (in C order)."""

    bounds: Crop
    bits: bytes

    @staticmethod
    def of(mask: NDArray[np.bool_]) -> Area:
        """Return the voxels of a mask that is not empty."""
        bounds = box_of(mask)
        return Area(bounds, np.packbits(mask[bounds.slices]).tobytes())

    def mask(self) -> NDArray[np.bool_]:
        """Return the voxels as a mask of the shape of its box."""
        count = int(np.prod(self.bounds.shape))
        flat = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=count)
        return flat.reshape(self.bounds.shape).view(np.bool_)

    def paint(self, canvas: NDArray[np.bool_], crop: Crop, value: bool = True) -> None:
        """Set the voxels on a canvas that shows `crop` of the image, in place."""
        common = self.bounds.intersection(crop)
        if common is None:
            return
        canvas[common.within(crop)][self.mask()[common.within(self.bounds)]] = value


@dataclass(frozen=True)
class Point:
    """One voxel that is inside (positive) or outside."""

    index: tuple[int, ...]
    positive: bool = True

    @property
    def area(self) -> Area:
        """The voxel as an area."""
        return Area(self.bounds, b"\x80")

    @property
    def bounds(self) -> Crop:
        """The box of the voxel."""
        return Crop(self.index, tuple(i + 1 for i in self.index))

    def paint(self, canvas: NDArray[np.bool_], crop: Crop, value: bool = True) -> None:
        """Set the voxel on a canvas that shows `crop` of the image, in place."""
        self.area.paint(canvas, crop, value)


@dataclass(frozen=True)
class Box:
    """A half-open box around the object; in 3-D it may be one slice thick."""

    lower: tuple[int, ...]
    upper: tuple[int, ...]

    @property
    def bounds(self) -> Crop:
        """Its corners."""
        return Crop(self.lower, self.upper)

    def paint(self, canvas: NDArray[np.bool_], crop: Crop) -> None:
        """Set the box on a canvas that shows `crop` of the image, in place."""
        common = self.bounds.intersection(crop)
        if common is not None:
            canvas[common.within(crop)] = True


@dataclass(frozen=True)
class Scribble:
    """A stroke inside or outside of the object."""

    area: Area
    positive: bool = True

    @property
    def bounds(self) -> Crop:
        """The box of the stroke."""
        return self.area.bounds

    def paint(self, canvas: NDArray[np.bool_], crop: Crop, value: bool = True) -> None:
        """Set the stroke on a canvas that shows `crop` of the image, in place."""
        self.area.paint(canvas, crop, value)


@dataclass(frozen=True)
class Lasso(Scribble):
    """An outline around a part that is inside or outside; `area` holds the outline and the part it encloses."""


@dataclass(frozen=True)
class MaskPrompt:
    """The mask of the object from here on (None: an empty one); earlier prompts no longer count."""

    area: Area | None


Prompt = Point | Box | Scribble | Lasso | MaskPrompt
Drawn = Point | Scribble | Lasso
"""Prompts that mark voxels as inside or outside. A box does not: it is drawn around the object."""


def paint_prompts(prompts: Sequence[Drawn | Box], crop: Crop) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the voxels of a crop prompted inside and outside; prompts are oldest first, and later ones win."""
    positive, negative = np.zeros(crop.shape, bool), np.zeros(crop.shape, bool)
    for prompt in prompts:
        if not isinstance(prompt, Box):
            prompt.paint(positive, crop, prompt.positive)
            prompt.paint(negative, crop, not prompt.positive)
    return positive, negative


def make_point(index: Sequence[float], shape: tuple[int, ...], positive: bool) -> Point:
    """Check a point: whole numbers, one an axis, inside the image."""
    return Point(_index(index, shape, "point", shape), positive)


def make_box(lower: Sequence[float], upper: Sequence[float], shape: tuple[int, ...]) -> Box:
    """Check a box: half-open, not empty, inside the image."""
    ends = tuple(n + 1 for n in shape)
    box = Box(
        _index(lower, shape, "lower corner of the box", ends), _index(upper, shape, "upper corner of the box", ends)
    )
    if any(a >= b for a, b in zip(box.lower, box.upper)):
        raise PromptError(f"the box from {box.lower} to {box.upper} is empty; expected lower < upper on every axis")
    return box


def make_scribble(mask: ArrayLike, shape: tuple[int, ...], positive: bool) -> Scribble:
    """Check a stroke: a mask of the image's shape that is not empty."""
    return Scribble(Area.of(_drawn(mask, shape, "scribble")), positive)


def make_lasso(mask: ArrayLike, shape: tuple[int, ...], positive: bool) -> Lasso:
    """Check an outline and fill it, in the plane it was drawn in."""
    drawn = _drawn(mask, shape, "lasso")
    bounds = box_of(drawn)
    part = drawn[bounds.slices]
    flat = [axis for axis, n in enumerate(part.shape) if n == 1]
    axis = flat[0] if flat and part.ndim == 3 else 0
    planes = [part] if part.ndim == 2 else list(np.moveaxis(part, axis, 0))
    filled = [ndimage.binary_fill_holes(plane) for plane in planes]
    part = filled[0] if part.ndim == 2 else np.moveaxis(np.stack(filled), 0, axis)
    return Lasso(Area(bounds, np.packbits(part).tobytes()), positive)


def make_mask(mask: ArrayLike, shape: tuple[int, ...]) -> MaskPrompt:
    """Check a mask of the image's shape; it may be empty."""
    given = _mask(mask, shape, "mask")
    return MaskPrompt(Area.of(given) if given.any() else None)


def _index(index: Sequence[float], shape: tuple[int, ...], name: str, ends: tuple[int, ...]) -> tuple[int, ...]:
    try:
        given = np.asarray(index)
        values = given.astype(np.float64) if given.dtype.kind in "iufO" else None
    except (TypeError, ValueError, OverflowError):
        values = None
    if values is None:
        raise PromptError(f"the {name} cannot be read; expected {len(shape)} whole numbers")
    if values.shape != (len(shape),):
        raise PromptError(
            f"the {name} has the shape {values.shape}; expected {len(shape)} numbers, one an axis of the image"
        )
    if not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        raise PromptError(f"the {name} is {tuple(values.tolist())}; expected whole voxel indices")
    if any(not 0 <= v < n for v, n in zip(values, ends)):
        raise PromptError(f"the {name} {tuple(map(int, values))} lies outside the image of shape {shape}")
    return tuple(int(v) for v in values)


def _mask(mask: ArrayLike, shape: tuple[int, ...], name: str) -> NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.shape != shape:
        raise PromptError(f"the {name} has shape {array.shape}; expected the image's, {shape}")
    if array.dtype.kind not in "buif":
        raise PromptError(f"the {name} is {array.dtype}; expected bool")
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PromptError(f"the {name} holds NaN or infinity; expected bool")
    marked: NDArray[np.bool_] = array != 0
    return marked


def _drawn(mask: ArrayLike, shape: tuple[int, ...], name: str) -> NDArray[np.bool_]:
    drawn = _mask(mask, shape, name)
    if not drawn.any():
        raise PromptError(f"the {name} is empty; expected at least one voxel")
    return drawn
