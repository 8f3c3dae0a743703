"""The session of the page: an image of the datastore, objects with names, and answers that hold the changed boxes.

Everything is in the image's stored axes, z, y, x (y, x of a plane). Boxes and ranges are half-open.
"""

from __future__ import annotations

import base64
import functools
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.engine.assist.propagate import propagate
from maskwright.engine.service.protocols.v1.requests import ObjectChange, PromptRequest, PropagateRequest
from maskwright.engine.service.sessions.journal import Recovery, SessionJournals
from maskwright.engine.service.sessions.leases import LeasePolicy, Leases
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.engine.service.state import AppState
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import GeometryError, GoneError, InputError, LimitError, NotFoundError, PromptError
from maskwright.interactive.image import Image
from maskwright.interactive.sessions.events import PromptAdded
from maskwright.interactive.sessions.log import SessionLog
from maskwright.interactive.sessions.prompts import make_mask
from maskwright.interactive.sessions.state import Edit

MOST_OBJECTS = 255
"""Saved labels are bytes."""


class PageSession(ServiceSession):
    """Objects on one image of the datastore; empty until ``open_image``."""

    def __init__(self) -> None:
        super().__init__()
        self.image_id = self.sha256 = ""
        self._volume: Volume | None = None

    def open_image(self, image_id: str, sha256: str, volume: Volume) -> None:
        """Begin on the volume of an image, whose file had this hash, with one empty object.

        Raises
        ------
        GeometryError, InputError
            The volume's file does not tell its spacing, or the volume holds NaN.
        """
        if volume.spacing_mm is None:
            raise GeometryError("the image's file does not say its spacing; convert it to a format that does, in mm")
        opened = Image.of(volume.array, volume.spacing_mm, volume.color)
        self.open(opened, {"image": image_id, "sha256": sha256})
        self.image_id, self.sha256, self._volume = image_id, sha256, volume

    @property
    def volume(self) -> Volume:
        """The image."""
        if self._volume is None:
            raise InputError("the session has no image; begin another one")
        return self._volume

    def describe(self) -> dict[str, Any]:
        """Return the objects, and which one is active."""
        objects = [
            {"number": number, "name": name, "locked": number in self.assist.locked}
            for number, name in self.assist.names.items()
        ]
        return {"objects": objects, "active": self.assist.active}

    def add_object(self, name: str) -> dict[str, Any]:
        """Begin another object and make it the active one."""
        if len(self.assist.objects) >= MOST_OBJECTS:
            raise LimitError(f"a session holds at most {MOST_OBJECTS} objects; save, and begin another one")
        return {"object": self.assist.add_object(name)} | self.describe()

    def change_object(self, number: int, change: ObjectChange) -> dict[str, Any]:
        """Rename an object, lock or open it, make it the active one."""
        self.assist.mask_of(number)  # there is one
        if change.name is not None:
            self.assist.rename(number, change.name)
        if change.locked is not None:
            (self.assist.lock if change.locked else self.assist.unlock)(number)
        if change.active:
            self.assist.select(number)
        return self.describe()

    def prompt(self, request: PromptRequest) -> dict[str, Any]:
        """Carry out a prompt on an object, which becomes the active one."""
        prompt = request.prompt(self.assist.image.shape)
        return _answer(self.assist.apply(PromptAdded(request.object, prompt)))

    def propagate(self, request: PropagateRequest) -> dict[str, Any]:
        """Carry an object's mask on the given slices to the others of the range; one edit, to be undone.

        Slices outside of the range stay as they are. The answer holds the confidence of each slice along the axis.
        """
        number, axis, given = request.object, request.axis, sorted(set(request.given))
        mask = self.assist.mask_of(number)
        if number in self.assist.locked:
            raise PromptError(f"object {number} is locked; unlock it, or select another one")
        if axis >= mask.ndim:
            raise InputError(f"axis is {axis}; expected one of the image's, 0 to {mask.ndim - 1}")
        if given[-1] >= mask.shape[axis]:
            raise PromptError(f"there is no slice {given[-1]} along axis {axis}; expected 0 to {mask.shape[axis] - 1}")
        sparse, whole, before = np.zeros(mask.shape, bool), mask.copy(), (slice(None),) * axis
        at: tuple[Any, ...] = (*before, given)
        sparse[at] = mask[at]
        filled = propagate(self.volume, sparse, axis=axis, given=given, start=request.start, stop=request.stop)
        inside = (*before, slice(request.start, request.stop))
        whole[inside] = np.asarray(filled.mask)[inside]
        answer = _answer(self.assist.apply(PromptAdded(number, make_mask(whole, mask.shape))))
        return answer | {"confidence": [round(float(value), 4) for value in filled.confidence]}

    def undo(self) -> dict[str, Any]:
        """Take the newest edit back."""
        return _answer(self.assist.undo())

    def redo(self) -> dict[str, Any]:
        """Redo the edit undone last."""
        return _answer(self.assist.redo())

    def labels(self) -> LabelMap:
        """Return all objects as one label map on the image's grid, each with its number."""
        values = np.zeros(self.volume.grid.shape, np.uint8)
        for number in self.assist.objects:
            values[self.assist.mask_of(number)] = number
        return LabelMap(values, self.volume.affine, self.volume.source)

    def label_info(self) -> dict[str, Any]:
        """Return the names of the numbers of the label map."""
        return {"label_info": [{"name": name, "idx": number} for number, name in self.assist.names.items()]}


def page_leases(state: AppState, folder: Path | None, per_owner: int) -> Leases[PageSession]:
    """Return the leases of the page's sessions, with journals in a folder if one is given."""
    idle_s, sessions = state.limits.page_idle_s, state.limits.sessions
    recovery = None
    if folder is not None:
        restore = functools.partial(restore_page_session, state)
        recovery = Recovery(SessionJournals(folder / "page-sessions", idle_s), restore)
    policy = LeasePolicy(sessions, per_owner, idle_s, silent_s=idle_s)
    return Leases(PageSession, policy, state.budget, state.queues, recovery)


def restore_page_session(state: AppState, log: SessionLog, upload: bytes) -> PageSession:
    """Return the session of a journal.

    Raises
    ------
    GoneError
        The image is not in the datastore any more, or is another one now.
    InputError
        The journal does not fit this version.
    """
    image_id, sha256 = (log.header.attributes.get(name, "") for name in ("image", "sha256"))
    try:
        entry = state.store.image(image_id)
        is_same = entry.sha256 == sha256
    except NotFoundError:
        raise GoneError("the session has ended: its image is gone from the data folder; begin another one") from None
    if not is_same:
        raise GoneError("the session has ended: its image has changed since; begin another one")
    session = PageSession()
    session.open_image(entry.id, sha256, state.open(entry))
    session.replay(log)
    return session


def _answer(edit: Edit | None) -> dict[str, Any]:
    if edit is None:
        return {"changed": [], "ran": False, "cut": False}
    changed: list[dict[str, Any]] = []
    if edit.changed_box is None:
        changed.append({"object": edit.object_id, "box": None, "bits": ""})
    for number, bounds in edit.changed_boxes.items():
        box = [[low, high] for low, high in zip(bounds.lower, bounds.upper)]
        changed.append({"object": number, "box": box, "bits": base64.b64encode(edit.bits_of(number)).decode()})
    return {"changed": changed, "ran": True, "cut": edit.is_cut}
