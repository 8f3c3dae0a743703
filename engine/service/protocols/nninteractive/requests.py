"""The requests of nnInteractive's protocol: by its path, the fields and the packed array of each, and its work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from numpy.typing import NDArray
from pydantic import BaseModel, Field

from maskwright.engine.service.protocols.nninteractive.remote_session import Answer, RemoteSession

Pair = Annotated[list[int], Field(min_length=2, max_length=2)]
Pairs = Annotated[list[Pair], Field(min_length=3, max_length=3)]
Array = NDArray[Any]
Result = Answer | dict[str, Any]


class Fields(BaseModel):
    """The fields of a request that has none."""


class PromptFields(Fields):
    """The fields of every prompt."""

    include_interaction: bool = True
    run_prediction: bool = True


class PointFields(PromptFields):
    """A voxel of the uploaded array."""

    coordinates: list[float] = Field(min_length=3, max_length=3)


class BoxFields(PromptFields):
    """A half-open box of the uploaded array."""

    bbox_coords: Pairs


class DrawnFields(PromptFields):
    """The box in which a scribble or a lasso was drawn; the whole image without one."""

    interaction_bbox: Pairs | None = None


class ImageProperties(BaseModel):
    """The spacing of an image, one value an axis of space."""

    spacing: list[float] | None = None


class ImageFields(Fields):
    """The properties of an image."""

    image_properties: ImageProperties = ImageProperties()


class TargetFields(Fields):
    """The client's buffer."""

    shape: list[int]
    dtype: str


class ZoomFields(Fields):
    """Whether the client wants the region to grow; here it always does."""

    do_autozoom: bool


@dataclass(frozen=True)
class Call:
    """The fields of a path, in its body or, beside a packed array, in X-Meta; and its work on a session."""

    fields: type[Fields]
    work: Callable[[RemoteSession, Any, Any], Result]
    takes_array: bool = False


def _set_target(session: RemoteSession, fields: TargetFields, array: None) -> Result:
    session.set_target(fields.shape, fields.dtype)
    return {"ok": True}


def _reset(session: RemoteSession, fields: Fields, array: None) -> Result:
    session.reset()
    return {"ok": True}


def _point(session: RemoteSession, fields: PointFields, array: None) -> Result:
    return session.add_point(fields.coordinates, fields.include_interaction, fields.run_prediction)


def _box(session: RemoteSession, fields: BoxFields, array: None) -> Result:
    return session.add_box(fields.bbox_coords, fields.include_interaction, fields.run_prediction)


def _scribble(session: RemoteSession, fields: DrawnFields, drawn: Array) -> Result:
    return session.add_scribble(drawn, fields.interaction_bbox, fields.include_interaction, fields.run_prediction)


def _lasso(session: RemoteSession, fields: DrawnFields, drawn: Array) -> Result:
    return session.add_lasso(drawn, fields.interaction_bbox, fields.include_interaction, fields.run_prediction)


SET_IMAGE = "/set_image"
CALLS = {
    "/set_target_buffer": Call(TargetFields, _set_target),
    "/set_do_autozoom": Call(ZoomFields, lambda session, fields, array: {"ok": True}),
    "/reset_interactions": Call(Fields, _reset),
    "/undo": Call(Fields, lambda session, fields, array: session.undo()),
    "/predict": Call(Fields, lambda session, fields, array: session.predict()),
    "/add_point_interaction": Call(PointFields, _point),
    "/add_bbox_interaction": Call(BoxFields, _box),
    "/add_scribble_interaction": Call(DrawnFields, _scribble, takes_array=True),
    "/add_lasso_interaction": Call(DrawnFields, _lasso, takes_array=True),
    "/add_initial_seg_interaction": Call(
        DrawnFields, lambda session, fields, mask: session.set_mask(mask, fields.run_prediction), takes_array=True
    ),
}
