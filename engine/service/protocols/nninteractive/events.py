"""What a client of nnInteractive can have done to its session: each act is a path, a JSON text and packed bytes.

The text is the JSON that came as the body, or beside the packed body in X-Meta.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from numpy.typing import NDArray
from pydantic import BaseModel, Field

from maskwright.engine.service.budget.request_context import current_limits
from maskwright.engine.service.http.bodies import parse_model
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive.packed_array import unpack_array
from maskwright.engine.service.protocols.nninteractive.remote_session import Answer, RemoteSession
from maskwright.engine.service.sessions.event import SessionEvent
from maskwright.engine.service.sessions.journal import JournalPolicy
from maskwright.errors import InputError

SET_IMAGE, SET_TARGET, RESET = "/set_image", "/set_target_buffer", "/reset_interactions"
REMOTE_JOURNAL_POLICY = JournalPolicy(first=SET_IMAGE, reset=RESET, outlives=SET_TARGET)

Pair = Annotated[list[int], Field(min_length=2, max_length=2)]
Pairs = Annotated[list[Pair], Field(min_length=3, max_length=3)]
M = TypeVar("M", bound=BaseModel)


class Prompted(BaseModel):
    """What every prompt says."""

    include_interaction: bool = True
    run_prediction: bool = True


class PointBody(Prompted):
    """A voxel of the uploaded array."""

    coordinates: list[float] = Field(min_length=3, max_length=3)


class BoxBody(Prompted):
    """A half-open box of the uploaded array."""

    bbox_coords: Pairs


class DrawnMeta(Prompted):
    """What goes with a scribble, a lasso or a mask."""

    interaction_bbox: Pairs | None = None


class ImageProperties(BaseModel):
    """What is known of an image."""

    spacing: list[float] | None = None


class ImageMeta(BaseModel):
    """What goes with an image."""

    image_properties: ImageProperties = ImageProperties()


class TargetBody(BaseModel):
    """The client's buffer."""

    shape: list[int]
    dtype: str


class ZoomBody(BaseModel):
    """Whether the client wants the region to grow; here it always does."""

    do_autozoom: bool


Outcome = Answer | dict[str, Any]


def perform(session: RemoteSession, act: SessionEvent, images: SharedImages) -> Outcome:
    """Do an act, and return the answer to a prompt, or what is to be said as JSON.

    Raises
    ------
    InputError
        The act cannot be done; the session is as it was.
    """
    if act.path == SET_IMAGE:
        return _set_image(session, act, images)
    return ACTS[act.path](session, act)


def replay(acts: Sequence[SessionEvent], images: SharedImages) -> RemoteSession:
    """Return the session that these acts come to; an InputError where they do not fit this version."""
    session = RemoteSession()
    for act in acts:
        if act.path != SET_IMAGE and act.path not in ACTS:
            raise InputError(f"the journal holds {act.path!r}, which this version does not know; begin a new session")
        perform(session, act, images)
    return session


def _set_image(session: RemoteSession, act: SessionEvent, images: SharedImages) -> Outcome:
    spacing = _said(ImageMeta, act).image_properties.spacing
    name, array = images.share(_unpacked(act))
    shape = session.set_image(array, spacing)
    session.image_sha256 = name
    return {"original_image_shape": list(shape)}


def _set_target(session: RemoteSession, act: SessionEvent) -> Outcome:
    body = _said(TargetBody, act)
    session.set_target(body.shape, body.dtype)
    return {"ok": True}


def _set_zoom(session: RemoteSession, act: SessionEvent) -> Outcome:
    _said(ZoomBody, act)
    return {"ok": True}


def _reset(session: RemoteSession, act: SessionEvent) -> Outcome:
    session.reset()
    return {"ok": True}


def _point(session: RemoteSession, act: SessionEvent) -> Outcome:
    body = _said(PointBody, act)
    return session.add_point(body.coordinates, body.include_interaction, body.run_prediction)


def _box(session: RemoteSession, act: SessionEvent) -> Outcome:
    body = _said(BoxBody, act)
    return session.add_box(body.bbox_coords, body.include_interaction, body.run_prediction)


def _scribble(session: RemoteSession, act: SessionEvent) -> Outcome:
    meta = _said(DrawnMeta, act)
    drawn = _unpacked(act)
    return session.add_scribble(drawn, meta.interaction_bbox, meta.include_interaction, meta.run_prediction)


def _lasso(session: RemoteSession, act: SessionEvent) -> Outcome:
    meta = _said(DrawnMeta, act)
    drawn = _unpacked(act)
    return session.add_lasso(drawn, meta.interaction_bbox, meta.include_interaction, meta.run_prediction)


def _mask(session: RemoteSession, act: SessionEvent) -> Outcome:
    return session.set_mask(_unpacked(act), _said(DrawnMeta, act).run_prediction)


ACTS: dict[str, Callable[[RemoteSession, SessionEvent], Outcome]] = {
    SET_TARGET: _set_target,
    "/set_do_autozoom": _set_zoom,
    RESET: _reset,
    "/undo": lambda session, act: session.undo(),
    "/predict": lambda session, act: session.predict(),
    "/add_point_interaction": _point,
    "/add_bbox_interaction": _box,
    "/add_scribble_interaction": _scribble,
    "/add_lasso_interaction": _lasso,
    "/add_initial_seg_interaction": _mask,
}
PACKED = frozenset([SET_IMAGE, "/add_scribble_interaction", "/add_lasso_interaction", "/add_initial_seg_interaction"])
"""Those whose body is a packed array."""


def _unpacked(act: SessionEvent) -> NDArray[Any]:
    return unpack_array(act.packed, current_limits().unpacked_bytes)


def _said(kind: type[M], act: SessionEvent) -> M:
    return parse_model(kind, act.text or "{}", act.path)
