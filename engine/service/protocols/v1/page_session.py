"""An assist session as the page sees it: an image of the datastore, objects with names, and what each act changed.

Everything is in the image's stored axes, z, y, x (y, x of a plane). Boxes and ranges are half-open.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.assist.propagate import propagate
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import GeometryError, InputError, LimitError, PromptError
from maskwright.interactive.region import Region
from maskwright.interactive.sessions.prompts import Area, Prompt, Scribble, make_box, make_mask, make_point
from maskwright.interactive.sessions.session import AssistSession
from maskwright.interactive.sessions.state import Edit

MOST_OBJECTS = 255
"""Saved labels are bytes."""


@dataclass(frozen=True)
class Saying:
    """What is said of the object: where, in voxels, and whether it is inside there. One of the places is given."""

    kind: str
    positive: bool = True
    index: Sequence[int] | None = None
    lower: Sequence[int] | None = None
    upper: Sequence[int] | None = None
    voxels: Sequence[Sequence[int]] | None = None


class PageSession:
    """Objects on one image; empty until ``open``."""

    def __init__(self) -> None:
        self.image = self.sha256 = ""
        self._volume: Volume | None = None
        self._session = AssistSession()
        self._names: dict[int, str] = {}

    def open(self, image: str, sha256: str, volume: Volume) -> None:
        """Begin on the volume of an image, whose file had these bytes, with one empty object.

        Raises
        ------
        GeometryError, InputError
            The volume's file says nothing of its spacing, or the volume holds NaN.
        """
        if volume.spacing_mm is None:
            raise GeometryError("the image's file does not say its spacing; convert it to a format that does, in mm")
        self._session.set_image(volume.array, volume.spacing_mm, volume.color)
        self.image, self.sha256, self._volume, self._names = image, sha256, volume, {1: "object 1"}

    @property
    def volume(self) -> Volume:
        """The image."""
        if self._volume is None:
            raise InputError("the session has no image; begin another one")
        return self._volume

    @property
    def size_bytes(self) -> int:
        """What the image, the masks and the history take at most."""
        if self._volume is None:
            return 0
        return self._volume.array.nbytes + len(self._names) * self.mask_bytes + self._session.history_bytes

    @property
    def mask_bytes(self) -> int:
        """What one more object takes."""
        return int(np.prod(self.volume.grid.shape))

    def described(self) -> dict[str, Any]:
        """Return the objects, and which one is active."""
        objects = [
            {"number": number, "name": name, "locked": number in self._session.locked}
            for number, name in self._names.items()
        ]
        return {"objects": objects, "active": self._session.active}

    def add_object(self, name: str) -> int:
        """Begin another object, make it the active one, and return its number."""
        if len(self._names) >= MOST_OBJECTS:
            raise LimitError(f"a session holds at most {MOST_OBJECTS} objects; save, and begin another one")
        number = self._session.add_object()
        self._names[number] = name
        return number

    def change_object(self, number: int, name: str | None, locked: bool | None, active: bool) -> None:
        """Rename an object, lock or open it, make it the active one; None leaves it as it is."""
        self._session.mask_of(number)  # there is one
        if name is not None:
            self._names[number] = name
        if locked is not None:
            (self._session.lock if locked else self._session.unlock)(number)
        if active:
            self._session.select(number)

    def say(self, number: int, saying: Saying) -> dict[str, Any]:
        """Carry out a prompt on an object, which becomes the active one."""
        prompt = _prompt(saying, self.volume.grid.shape)
        return self._carry_out(number, prompt)

    def propagate(
        self, number: int, axis: int, given: Sequence[int], start: int | None, stop: int | None
    ) -> dict[str, Any]:
        """Carry an object's mask on the given slices to the others of ``start`` to ``stop``; one edit, to be undone.

        Slices outside of the range stay as they are. The answer holds the confidence of each slice along the axis.
        """
        volume, mask = self.volume, self._session.mask_of(number)
        if number in self._session.locked:
            raise PromptError(f"object {number} is locked; unlock it, or select another one")
        if not 0 <= axis < mask.ndim:
            raise InputError(f"axis is {axis}; expected one of the image's, 0 to {mask.ndim - 1}")
        lost = [index for index in given if not 0 <= index < mask.shape[axis]]
        if lost:
            raise PromptError(f"there is no slice {lost[0]} along axis {axis}; expected 0 to {mask.shape[axis] - 1}")
        sparse = np.zeros(mask.shape, bool)
        at: tuple[Any, ...] = (slice(None),) * axis + (list(given),)
        sparse[at] = mask[at]
        filled = propagate(volume, sparse, axis=axis, given=sorted(set(given)), start=start, stop=stop)
        inside = (slice(None),) * axis + (slice(start, stop),)
        whole = mask.copy()
        whole[inside] = np.asarray(filled.mask)[inside]
        answer = self._carry_out(number, make_mask(whole, mask.shape))
        return answer | {"confidence": [round(float(value), 4) for value in filled.confidence]}

    def undo(self) -> dict[str, Any]:
        """Take the newest edit back."""
        return self._answer(self._session.undo())

    def redo(self) -> dict[str, Any]:
        """Do what was undone last again."""
        return self._answer(self._session.redo())

    def labels(self) -> LabelMap:
        """Return all objects as one label map on the image's grid, each with its number."""
        values = np.zeros(self.volume.grid.shape, np.uint8)
        for number in self._names:
            values[self._session.mask_of(number)] = number
        return LabelMap(values, self.volume.affine, self.volume.source)

    @property
    def names(self) -> dict[int, str]:
        """What the objects are called, by number."""
        return dict(self._names)

    def label_info(self) -> dict[str, Any]:
        """Return what the numbers of the label map mean."""
        return {"label_info": [{"name": name, "idx": number} for number, name in self._names.items()]}

    # --- inside

    def _carry_out(self, number: int, prompt: Prompt) -> dict[str, Any]:
        before = self._session.active
        self._session.select(number)
        try:
            edit = self._session.add_prompt(prompt)
        except Exception:
            self._session.select(before)
            raise
        return self._answer(edit)

    def _answer(self, edit: Edit | None) -> dict[str, Any]:
        if edit is None:
            return {"changed": [], "ran": False}
        changed: list[dict[str, Any]] = []
        if edit.changed is None:
            changed.append({"object": edit.object_id, "box": None, "bits": ""})
        for number, region in edit.changes.items():
            box = [[low, high] for low, high in zip(region.lower, region.upper)]
            changed.append({"object": number, "box": box, "bits": base64.b64encode(edit.bits_of(number)).decode()})
        return {"changed": changed, "ran": True}


def _prompt(saying: Saying, shape: tuple[int, ...]) -> Prompt:
    if saying.kind == "point" and saying.index is not None:
        return make_point(saying.index, shape, saying.positive)
    if saying.kind == "box" and saying.lower is not None and saying.upper is not None:
        if not saying.positive:
            raise PromptError("a box is drawn around the object; say what is outside with a point or a scribble")
        return make_box(saying.lower, saying.upper, shape)
    if saying.kind == "scribble" and saying.voxels is not None:
        return _scribble(saying.voxels, shape, saying.positive)
    raise PromptError("expected kind point with index, box with lower and upper, or scribble with voxels")


def _scribble(voxels: Sequence[Sequence[int]], shape: tuple[int, ...], positive: bool) -> Scribble:
    if not voxels or any(len(voxel) != len(shape) for voxel in voxels):
        raise PromptError(f"the scribble is a list of voxels, not empty, of {len(shape)} numbers each")
    where: NDArray[np.int64] = np.array(voxels, np.int64)
    if (where < 0).any() or (where >= np.array(shape)).any():
        raise PromptError(f"a voxel of the scribble lies outside the image of shape {shape}")
    lower = where.min(axis=0)
    drawn = np.zeros(tuple(where.max(axis=0) - lower + 1), bool)
    drawn[tuple((where - lower).T)] = True
    region = Region(tuple(map(int, lower)), tuple(map(int, lower + drawn.shape)))
    return Scribble(Area(region, np.packbits(drawn).tobytes()), positive)
