"""An assist session as a remote client sees it: one object, in the voxels of the array that was uploaded.

The array is (channel, a, b, c) in whatever axes the client has; a plane has one voxel along one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import InputError, PromptError
from maskwright.interactive.region import Region
from maskwright.interactive.sessions.prompts import Prompt, make_box, make_lasso, make_mask, make_point, make_scribble
from maskwright.interactive.sessions.session import AssistSession
from maskwright.interactive.sessions.state import Edit

Box = Sequence[Sequence[int]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Answer:
    """Whether anything was predicted or undone, and what changed: a half-open box, and the mask in it."""

    ran: bool
    box: list[list[int]] | None = None
    values: NDArray[Any] | None = None


class RemoteSession:
    """Prompts in the axes of an uploaded array; those that are not to be predicted yet wait."""

    def __init__(self) -> None:
        self._begin(AssistSession(), None, None)

    def _begin(self, session: AssistSession, flat: int | None, shape: tuple[int, ...] | None) -> None:
        self._session, self._flat, self._shape = session, flat, shape
        self.image_sha256: str | None = None
        self._waiting: list[Prompt] = []
        self._dtype = np.dtype(np.uint8)
        self._whole_is_due = False

    @property
    def size_bytes(self) -> int:
        """What the image, the mask and the history take at most."""
        if self._shape is None:
            return 0
        return self._session.image.array.nbytes + int(np.prod(self._shape)) + self._session.history_bytes

    def set_image(self, array: NDArray[Any], spacing: Sequence[float] | None) -> tuple[int, ...]:
        """Start on an array of four axes, and return its shape.

        ``spacing`` has a value for each of the last three axes; clients that work in voxels send none, and distances
        are then in voxels.

        Raises
        ------
        InputError, GeometryError
            Not one channel (or three of uint8: colour), NaN, or a spacing that does not fit.
        """
        if array.ndim != 4:
            raise InputError(f"the image has {array.ndim} axes; expected four: channel and three of space")
        color = array.shape[0] == 3 and array.dtype == np.uint8
        if array.shape[0] != 1 and not color:
            raise InputError(f"the image has {array.shape[0]} channels of {array.dtype}; expected one, or 3 of uint8")
        steps = [1.0] * 3 if spacing is None else [float(v) for v in spacing]
        if len(steps) != 3:
            raise InputError(f"spacing has {len(steps)} values; expected three, one an axis of the array")
        thin = [axis for axis, n in enumerate(array.shape[1:]) if n == 1]
        flat = thin[0] if len(thin) == 1 else None
        pixels = np.moveaxis(array, 0, -1) if color else array[0]
        if flat is not None:
            pixels, steps = pixels.take(0, flat), steps[:flat] + steps[flat + 1 :]
        session = AssistSession()
        session.set_image(pixels, steps, color)
        self._begin(session, flat, array.shape[1:])
        return array.shape

    def set_target(self, shape: Sequence[int], dtype: str) -> None:
        """Say what the client's buffer is; it is empty, so the next answer holds all there is."""
        if tuple(shape) != self._known_shape():
            raise InputError(f"the target has shape {list(shape)}; the image has {list(self._known_shape())}")
        try:
            kind = np.dtype(dtype)
        except TypeError:
            kind = np.dtype(object)
        if kind.kind not in "buif":
            raise InputError(f"the target is {str(dtype)[:16]!r}; expected a boolean, integer or float dtype")
        self._dtype, self._whole_is_due = kind, True

    def add_point(self, index: Sequence[float], positive: bool, run: bool) -> Answer:
        """Prompt a voxel."""
        return self._add(make_point(self._inner(index, "the point"), self._inner_shape(), positive), run)

    def add_box(self, box: Box, positive: bool, run: bool) -> Answer:
        """Draw a half-open box around the object, or around what it is not."""
        lower, upper = ([side[end] for side in self._inner(_pairs(box), "the box")] for end in (0, 1))
        drawn = make_box(lower, upper, self._inner_shape())
        if positive:
            return self._add(drawn, run)
        outside = np.zeros(self._inner_shape(), bool)
        outside[drawn.region.slices] = True
        return self._add(make_lasso(outside, self._inner_shape(), False), run)

    def add_scribble(self, drawn: NDArray[Any], box: Box | None, positive: bool, run: bool) -> Answer:
        """Draw a stroke: a mask of the image, or of a box of it."""
        return self._add(make_scribble(self._whole(drawn, box), self._inner_shape(), positive), run)

    def add_lasso(self, drawn: NDArray[Any], box: Box | None, positive: bool, run: bool) -> Answer:
        """Draw an outline: a mask of the image, or of a box of it."""
        return self._add(make_lasso(self._whole(drawn, box), self._inner_shape(), positive), run)

    def set_mask(self, mask: NDArray[Any], run: bool) -> Answer:
        """Begin with a mask; what is not 0 is inside."""
        return self._add(make_mask(self._whole(mask, None), self._inner_shape()), run)

    def predict(self) -> Answer:
        """Answer the prompts that wait."""
        waiting, self._waiting = self._waiting, []
        boxes = [self._session.add_prompt(prompt).changed for prompt in waiting]
        return self._answer([box for box in boxes if box is not None], ran=bool(waiting))

    def undo(self) -> Answer:
        """Take the newest prompt back, whether it was answered or waits."""
        if self._waiting:
            self._waiting.pop()
            return Answer(ran=True)
        edit: Edit | None = self._session.undo()
        if edit is None:
            return Answer(ran=False)
        return self._answer([] if edit.changed is None else [edit.changed], ran=True)

    def reset(self) -> None:
        """Forget the object and its prompts; the image stays."""
        self._session.clear()
        self._waiting, self._whole_is_due = [], False

    # --- inside

    def _add(self, prompt: Prompt, run: bool) -> Answer:
        self._waiting.append(prompt)
        return self.predict() if run else Answer(ran=False)

    def _answer(self, boxes: list[Region], *, ran: bool) -> Answer:
        regions = list(boxes)
        if self._whole_is_due and ran:
            reach = self._session.bounds_of(self._session.active)
            regions += [] if reach is None else [reach]
            self._whole_is_due = False
        if not regions:
            return Answer(ran)
        region = regions[0]
        for more in regions[1:]:
            region = region.union(more)
        values = self._session.mask_of(self._session.active)[region.slices].astype(self._dtype)
        box = [[a, b] for a, b in zip(region.lower, region.upper)]
        if self._flat is not None:
            values = np.expand_dims(values, self._flat)
            box.insert(self._flat, [0, 1])
        return Answer(ran, box, values)

    def _known_shape(self) -> tuple[int, ...]:
        if self._shape is None:
            raise InputError("there is no image in this session yet; send one to /set_image first")
        return self._shape

    def _inner_shape(self) -> tuple[int, ...]:
        shape = self._known_shape()
        return shape if self._flat is None else shape[: self._flat] + shape[self._flat + 1 :]

    def _inner(self, values: Sequence[Any], name: str) -> list[Any]:
        """Values an axis of the array, without that of a plane's one voxel."""
        if len(values) != len(self._known_shape()):
            raise PromptError(f"{name} has {len(values)} axes; expected {len(self._known_shape())}")
        return [v for axis, v in enumerate(values) if axis != self._flat]

    def _whole(self, drawn: NDArray[Any], box: Box | None) -> Mask:
        """A mask of the image from one of a box of it."""
        shape = self._known_shape()
        ends = [[0, n] for n in shape] if box is None else _pairs(box)
        if len(ends) != len(shape) or not all(0 <= a < b <= n for (a, b), n in zip(ends, shape)):
            raise PromptError(f"the prompt lies in {ends}; expected a half-open box within the image, {list(shape)}")
        if drawn.shape != tuple(b - a for a, b in ends):
            raise PromptError(f"the prompt has shape {list(drawn.shape)}; its place is {ends}")
        if drawn.dtype.kind == "f" and np.isnan(drawn).any():
            raise PromptError("the prompt holds NaN; expected 0 outside and another number inside")
        mask = np.zeros(shape, bool)
        mask[tuple(slice(a, b) for a, b in ends)] = drawn != 0
        return mask if self._flat is None else mask.take(0, self._flat)


def _pairs(box: Box) -> list[list[int]]:
    if any(len(side) != 2 for side in box):
        raise PromptError("a box has a lower and an upper end an axis; expected pairs")
    return [[int(a), int(b)] for a, b in box]
