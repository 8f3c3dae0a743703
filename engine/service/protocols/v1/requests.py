"""The bodies of /api/v1/sessions."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from maskwright.errors import PromptError
from maskwright.interactive.crop import Crop
from maskwright.interactive.sessions.prompts import Area, Prompt, Scribble, make_box, make_point

Whole = Annotated[int, Field(ge=0, lt=1 << 31)]
Voxel = Annotated[list[Whole], Field(min_length=2, max_length=3)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class Body(BaseModel):
    """A body without unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)


class BeginRequest(Body):
    """The id of an image of the datastore."""

    image: str


class PromptRequest(Body):
    """A point has `index`; a box `lower` and `upper`, half-open; a scribble `voxels`."""

    object: Whole
    kind: Literal["point", "box", "scribble"]
    positive: bool = True
    index: Voxel | None = None
    lower: Voxel | None = None
    upper: Voxel | None = None
    voxels: Annotated[list[Voxel], Field(min_length=1, max_length=100_000)] | None = None

    def prompt(self, shape: tuple[int, ...]) -> Prompt:
        """Return the prompt on an image of this shape, or raise a PromptError."""
        if self.kind == "point" and self.index is not None:
            return make_point(self.index, shape, self.positive)
        if self.kind == "box" and self.lower is not None and self.upper is not None:
            if not self.positive:
                raise PromptError("a box is drawn around the object; mark the outside with a point or a scribble")
            return make_box(self.lower, self.upper, shape)
        if self.kind == "scribble" and self.voxels is not None:
            return _scribble(self.voxels, shape, self.positive)
        raise PromptError("expected kind point with index, box with lower and upper, or scribble with voxels")


class PropagateRequest(Body):
    """Which slices are given, along which axis, and the half-open range of those that are filled."""

    object: Whole
    axis: Annotated[int, Field(ge=0, le=2)]
    given: Annotated[list[Whole], Field(min_length=1, max_length=10_000)]
    start: Annotated[Whole | None, Field(alias="from")] = None
    stop: Annotated[Whole | None, Field(alias="to")] = None


class ObjectRequest(Body):
    """The name of a new object."""

    name: Name


class ObjectChange(Body):
    """The changes of an object; a field that is left out stays."""

    name: Name | None = None
    locked: bool | None = None
    active: Literal[True] | None = None


class SaveRequest(Body):
    """The tag and the format of the label; a DICOM SEG needs a DICOM series."""

    tag: str
    format: Literal["nifti", "dicom-seg"] = "nifti"


def _scribble(voxels: list[list[int]], shape: tuple[int, ...], positive: bool) -> Scribble:
    if any(len(voxel) != len(shape) for voxel in voxels):
        raise PromptError(f"the scribble is a list of voxels, not empty, of {len(shape)} numbers each")
    points = np.array(voxels, np.int64)
    if (points >= np.array(shape)).any():
        raise PromptError(f"a voxel of the scribble lies outside the image of shape {shape}")
    lower = points.min(axis=0)
    drawn = np.zeros(tuple(points.max(axis=0) - lower + 1), bool)
    drawn[tuple((points - lower).T)] = True
    bounds = Crop(tuple(map(int, lower)), tuple(map(int, lower + drawn.shape)))
    return Scribble(Area(bounds, np.packbits(drawn).tobytes()), positive)
