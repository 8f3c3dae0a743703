"""The session of a remote client: one object, in the voxels of the array that was uploaded.

The array is (channel, a, b, c) in whatever axes the client has; a plane has one voxel along one of them.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.service.budget.request_context import current_limits
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive.packed_array import DTYPES, unpack_array
from maskwright.engine.service.sessions.journal import UPLOAD, Recovery, SessionJournals
from maskwright.engine.service.sessions.leases import LeasePolicy, Leases
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.engine.service.state import AppState
from maskwright.errors import InputError, PromptError
from maskwright.interactive.image import Image
from maskwright.interactive.sessions.events import PromptAdded, PromptQueued, TargetSet
from maskwright.interactive.sessions.log import SessionLog
from maskwright.interactive.sessions.prompts import (
    Prompt,
    make_box,
    make_lasso,
    make_mask,
    make_point,
    make_scribble,
)
from maskwright.interactive.sessions.state import Edit
from maskwright.kernels.mask import Mask

Box = Sequence[Sequence[int]]
OBJECT = 1
_DTYPE = re.compile(r"[<>=|]?[A-Za-z]{1,8}[0-9]{0,2}")
"""The names that numpy and torch have for dtypes; the other texts that numpy would read are no dtype of a buffer."""


@dataclass(frozen=True, eq=False)
class Answer:
    """Whether a mask was predicted or taken back, and the changes: a half-open box, and the mask in it."""

    ran: bool
    box: list[list[int]] | None = None
    values: NDArray[Any] | None = None


class RemoteSession(ServiceSession):
    """Prompts in the axes of an uploaded array."""

    def __init__(self) -> None:
        super().__init__()
        self.image_sha256: str | None = None
        self._shape: tuple[int, ...] = ()
        self._flat: int | None = None
        self._shows_nothing = False
        """The client's buffer is empty, so the next answer holds all there is."""

    def set_image(
        self, array: NDArray[Any], spacing: Sequence[float] | None, image_sha256: str = "", upload: bytes = b""
    ) -> tuple[int, ...]:
        """Start on an array of four axes, and return its shape.

        ``spacing`` has a value for each of the last three axes; clients that work in voxels send none, and distances
        are then in voxels. ``upload`` is the array as it was sent.

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
        flat = _flat_axis(array.shape[1:])
        pixels = np.moveaxis(array, 0, -1) if color else array[0]
        if flat is not None:
            pixels, steps = pixels.take(0, flat), steps[:flat] + steps[flat + 1 :]
        attributes = {UPLOAD: hashlib.sha256(upload).hexdigest()} if upload else {}
        self.open(Image.of(pixels, steps, color), attributes, upload)
        self.image_sha256, self._shape, self._flat, self._shows_nothing = image_sha256, array.shape[1:], flat, False
        return array.shape

    def close(self) -> None:
        """Give the image and the mask back."""
        super().close()
        self.image_sha256, self._shape, self._flat = None, (), None

    def set_target(self, shape: Sequence[int], dtype: str) -> None:
        """Note the dtype of the client's buffer, which is empty."""
        if tuple(shape) != self._known_shape():
            raise InputError(f"the target has another shape than the image; expected {list(self._known_shape())}")
        self.assist.apply(TargetSet(_buffer_dtype(dtype).name))
        self._shows_nothing = True

    def add_point(self, index: Sequence[float], positive: bool, run: bool) -> Answer:
        """Prompt a voxel."""
        return self._add(make_point(self._inner(index, "the point"), self._inner_shape(), positive), run)

    def add_box(self, box: Box, positive: bool, run: bool) -> Answer:
        """Draw a half-open box around the object, or around background."""
        lower, upper = ([side[end] for side in self._inner(box, "the box")] for end in (0, 1))
        drawn = make_box(lower, upper, self._inner_shape())
        if positive:
            return self._add(drawn, run)
        outside = np.zeros(self._inner_shape(), bool)
        outside[drawn.bounds.slices] = True
        return self._add(make_lasso(outside, self._inner_shape(), False), run)

    def add_scribble(self, drawn: NDArray[Any], box: Box | None, positive: bool, run: bool) -> Answer:
        """Draw a stroke: a mask of the image, or of a box of it."""
        return self._add(make_scribble(self._whole(drawn, box), self._inner_shape(), positive), run)

    def add_lasso(self, drawn: NDArray[Any], box: Box | None, positive: bool, run: bool) -> Answer:
        """Draw an outline: a mask of the image, or of a box of it."""
        return self._add(make_lasso(self._whole(drawn, box), self._inner_shape(), positive), run)

    def set_mask(self, mask: NDArray[Any], run: bool) -> Answer:
        """Begin with a mask; a value other than 0 is inside."""
        return self._add(make_mask(self._whole(mask, None), self._inner_shape()), run)

    def predict(self) -> Answer:
        """Carry out the prompts that wait."""
        return self._answer(self.assist.predict())

    def undo(self) -> Answer:
        """Take the newest prompt back, whether it was carried out or waits."""
        return self._answer(self.assist.undo())

    def reset(self) -> None:
        """Forget the object and its prompts; the image stays."""
        self.assist.clear()
        self._shows_nothing = False

    # --- inside

    def _add(self, prompt: Prompt, run: bool) -> Answer:
        return self._answer(self.assist.apply((PromptAdded if run else PromptQueued)(OBJECT, prompt)))

    def _answer(self, edit: Edit | None) -> Answer:
        if edit is None:
            return Answer(ran=False)
        bounds = [edit.changed_box, self.assist.bounds_of(OBJECT) if self._shows_nothing else None]
        self._shows_nothing = False
        boxes = [each for each in bounds if each is not None]
        if not boxes:
            return Answer(ran=True)
        union = boxes[0].union(boxes[-1])
        values = edit.mask[union.slices].astype(self._dtype)
        box = [[a, b] for a, b in zip(union.lower, union.upper)]
        if self._flat is not None:
            values = np.expand_dims(values, self._flat)
            box.insert(self._flat, [0, 1])
        return Answer(True, box, values)

    @property
    def _dtype(self) -> np.dtype[Any]:
        names = [event.dtype for event in self.assist.events if isinstance(event, TargetSet)]
        return np.dtype(names[-1] if names else np.uint8)

    def _known_shape(self) -> tuple[int, ...]:
        if not self._shape:
            raise InputError("there is no image in this session yet; send one to /set_image first")
        return self._shape

    def _inner_shape(self) -> tuple[int, ...]:
        shape = self._known_shape()
        return shape if self._flat is None else shape[: self._flat] + shape[self._flat + 1 :]

    def _inner(self, values: Sequence[Any], name: str) -> list[Any]:
        """Return values an axis of the array, without that of a plane's one voxel."""
        if len(values) != len(self._known_shape()):
            raise PromptError(f"{name} has {len(values)} axes; expected {len(self._known_shape())}")
        return [v for axis, v in enumerate(values) if axis != self._flat]

    def _whole(self, drawn: NDArray[Any], box: Box | None) -> Mask:
        """Return a mask of the image from one of a box of it."""
        shape = self._known_shape()
        ends = [[0, n] for n in shape] if box is None else box
        if len(ends) != len(shape) or not all(0 <= a < b <= n for (a, b), n in zip(ends, shape)):
            raise PromptError(f"the prompt lies in {ends}; expected a half-open box within the image, {list(shape)}")
        if drawn.shape != tuple(b - a for a, b in ends):
            raise PromptError(f"the prompt has shape {list(drawn.shape)}; its box is {ends}")
        if drawn.dtype.kind == "f" and np.isnan(drawn).any():
            raise PromptError("the prompt holds NaN; expected 0 outside and another number inside")
        mask = np.zeros(shape, bool)
        mask[tuple(slice(a, b) for a, b in ends)] = drawn != 0
        return mask if self._flat is None else mask.take(0, self._flat)


def remote_leases(state: AppState, folder: Path | None, per_owner: int) -> Leases[RemoteSession]:
    """Return the leases of remote sessions, with journals in a folder if one is given."""
    limits, recovery = state.limits, None
    if folder is not None:
        restore = functools.partial(restore_remote_session, state.images)
        recovery = Recovery(SessionJournals(folder / "sessions", limits.idle_s), restore)
    policy = LeasePolicy(limits.sessions, per_owner, limits.idle_s, limits.silent_s)
    return Leases(RemoteSession, policy, state.budget, state.queues, recovery)


def restore_remote_session(images: SharedImages, log: SessionLog, upload: bytes) -> RemoteSession:
    """Return the session of a journal; an InputError where it does not fit this version."""
    image_sha256, array = images.share(unpack_array(upload, current_limits().unpacked_bytes))
    flat, spacing = _flat_axis(array.shape[1:]), list(log.header.spacing_mm)
    if flat is not None:
        spacing.insert(flat, 1.0)
    session = RemoteSession()
    session.set_image(array, spacing, image_sha256, upload)
    session.replay(log)
    session._shows_nothing = True  # perhaps; an answer may hold more than the changes
    return session


def _flat_axis(shape: tuple[int, ...]) -> int | None:
    """Return the axis along which an image is one voxel thick; None for a volume, and where there are several."""
    thin = [axis for axis, side in enumerate(shape) if side == 1]
    return thin[0] if len(thin) == 1 else None


def _buffer_dtype(text: str) -> np.dtype[Any]:
    """Return the dtype of a client's buffer, in the byte order of this machine, as packed arrays have it."""
    try:
        dtype = np.dtype(text) if _DTYPE.fullmatch(text) else None
    except (TypeError, ValueError):
        dtype = None
    if dtype is None or dtype.name not in DTYPES:
        raise InputError(f"the target's dtype is {text[:16]!r}; expected one of {', '.join(sorted(DTYPES))}")
    return dtype.newbyteorder("=")
