"""The nnInteractive protocol, version 2: what Slicer's and napari's plugins speak, through ``nninteractive-client``.

Arrays come and go packed (``packed_array``), with JSON in the header ``X-Meta``; an answer to a prompt carries the box
that changed and nothing else. A request belongs to the session of its ``X-Lease-Token``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from fastapi import FastAPI, Header, Request, Response
from pydantic import BaseModel, Field, ValidationError

from maskwright.engine.service.body import read_body
from maskwright.engine.service.pool import Lease, Pool
from maskwright.engine.service.problems import answer_with_problems
from maskwright.engine.service.protocols.packed_array import pack_array, unpack_array
from maskwright.engine.service.remote_session import Answer, RemoteSession
from maskwright.engine.service.shared_images import SharedImages
from maskwright.kernels.errors import GoneError, InputError

PORT = 1527
UPLOAD_BYTES = 1 << 30
"""The largest body that is read, and ..."""
IMAGE_BYTES = 2 << 30
"""... the largest array that it may unpack to."""

CAPABILITIES = {
    "supported_interactions": {"points": True, "bbox2d": True, "bbox3d": True, "scribble": True, "lasso": True},
    "channel_mapping": {
        "initial_label": 0,
        "bbox2d": [1, 2],
        "bbox3d": [1, 2],
        "lasso": [1, 2],
        "points": [3, 4],
        "scribble": [5, 6],
    },
    "num_interaction_channels": 7,
    "supports_initial_label": True,
    "supports_zero_shot_label_refinement": False,
    "preferred_scribble_thickness": 2,
    "interaction_decay": 1.0,
    "inference_session_version": 2,
    "license": "Apache-2.0",
    "supports_undo": True,
    "do_autozoom": True,
}

R = TypeVar("R")
M = TypeVar("M", bound=BaseModel)
Token = Annotated[str, Header(alias="X-Lease-Token")]
MetaText = Annotated[str, Header(alias="X-Meta")]
Remote = Pool[RemoteSession]


class Prompted(BaseModel):
    """What every prompt says."""

    include_interaction: bool = True
    run_prediction: bool = True


class PointBody(Prompted):
    """A voxel of the uploaded array."""

    coordinates: list[float] = Field(min_length=3, max_length=3)


class BoxBody(Prompted):
    """A half-open box of the uploaded array."""

    bbox_coords: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = Field(min_length=3, max_length=3)


class DrawnMeta(Prompted):
    """What goes with a scribble or a lasso."""

    interaction_bbox: list[Annotated[list[int], Field(min_length=2, max_length=2)]] | None = None


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


def nninteractive_app(pool: Remote, images: SharedImages) -> FastAPI:
    """Return the app of one pool of sessions."""
    app = FastAPI(title="Maskwright: nnInteractive v2", strict_content_type=False)
    answer_with_problems(app)
    _add_lease_routes(app, pool)
    _add_image_routes(app, pool, images)
    _add_prompt_routes(app, pool)
    return app


def _add_lease_routes(app: FastAPI, pool: Remote) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/capabilities")
    def capabilities() -> dict[str, Any]:
        return CAPABILITIES

    @app.post("/claim")
    def claim() -> dict[str, Any]:
        times = {"idle_timeout_seconds": pool.limits.idle_s, "liveness_timeout_seconds": pool.limits.silent_s}
        return {"lease_token": pool.claim(), **times}

    @app.post("/release")
    def release(token: Token = "") -> dict[str, bool]:
        pool.release(token)
        return {"ok": True}

    @app.post("/heartbeat")
    def heartbeat(token: Token = "") -> dict[str, float]:
        return {"remaining_seconds": pool.heartbeat(token)}

    @app.get("/lease_status")
    def lease_status(token: Token = "") -> dict[str, float]:
        return {"remaining_seconds": pool.remaining_s(token), "idle_timeout_seconds": pool.limits.idle_s}


def _add_image_routes(app: FastAPI, pool: Remote, images: SharedImages) -> None:
    @app.post("/set_image")
    async def set_image(request: Request, meta: MetaText = "{}", token: Token = "") -> dict[str, Any]:
        pool.remaining_s(token)  # nobody uploads a volume to a lease that has ended
        packed = await read_body(request, UPLOAD_BYTES)
        spacing = _meta(ImageMeta, meta).image_properties.spacing

        def work(lease: Lease[RemoteSession]) -> dict[str, Any]:
            array = unpack_array(packed, IMAGE_BYTES)
            pool.hold(lease, array.nbytes * 2)
            array = images.keep(array)
            shape = lease.session.set_image(array, spacing)
            return {"original_image_shape": list(shape)}

        return await _at_work(pool, token, work)

    @app.post("/set_target_buffer")
    async def set_target_buffer(body: TargetBody, token: Token = "") -> dict[str, bool]:
        await _at_work(pool, token, lambda lease: lease.session.set_target(body.shape, body.dtype))
        return {"ok": True}

    @app.post("/set_do_autozoom")
    async def set_do_autozoom(body: ZoomBody, token: Token = "") -> dict[str, bool]:
        pool.remaining_s(token)
        return {"ok": True}

    @app.post("/reset_interactions")
    async def reset_interactions(token: Token = "") -> dict[str, bool]:
        await _at_work(pool, token, lambda lease: lease.session.reset())
        return {"ok": True}


def _add_prompt_routes(app: FastAPI, pool: Remote) -> None:
    async def answered(token: str, work: Callable[[RemoteSession], Answer]) -> Response:
        return _response(await _at_work(pool, token, lambda lease: work(lease.session)))

    @app.post("/undo")
    async def undo(token: Token = "") -> Response:
        return await answered(token, RemoteSession.undo)

    @app.post("/predict")
    async def predict(token: Token = "") -> Response:
        return await answered(token, RemoteSession.predict)

    @app.post("/add_point_interaction")
    async def add_point(body: PointBody, token: Token = "") -> Response:
        inside, run = body.include_interaction, body.run_prediction
        return await answered(token, lambda session: session.add_point(body.coordinates, inside, run))

    @app.post("/add_bbox_interaction")
    async def add_bbox(body: BoxBody, token: Token = "") -> Response:
        inside, run = body.include_interaction, body.run_prediction
        return await answered(token, lambda session: session.add_box(body.bbox_coords, inside, run))

    async def drawn(request: Request, text: str, token: str, add: Callable[..., Answer]) -> Response:
        pool.remaining_s(token)
        meta, packed = _meta(DrawnMeta, text), await read_body(request, UPLOAD_BYTES)

        def work(session: RemoteSession) -> Answer:
            mask = unpack_array(packed, IMAGE_BYTES)
            return add(session, mask, meta.interaction_bbox, meta.include_interaction, meta.run_prediction)

        return await answered(token, work)

    @app.post("/add_scribble_interaction")
    async def add_scribble(request: Request, meta: MetaText = "{}", token: Token = "") -> Response:
        return await drawn(request, meta, token, RemoteSession.add_scribble)

    @app.post("/add_lasso_interaction")
    async def add_lasso(request: Request, meta: MetaText = "{}", token: Token = "") -> Response:
        return await drawn(request, meta, token, RemoteSession.add_lasso)

    @app.post("/add_initial_seg_interaction")
    async def add_initial_seg(request: Request, meta: MetaText = "{}", token: Token = "") -> Response:
        pool.remaining_s(token)
        run, packed = _meta(DrawnMeta, meta).run_prediction, await read_body(request, UPLOAD_BYTES)
        return await answered(token, lambda session: session.set_mask(unpack_array(packed, IMAGE_BYTES), run))


async def _at_work(pool: Remote, token: str, work: Callable[[Lease[RemoteSession]], R]) -> R:
    """Work for a lease, in a thread."""

    def held() -> R:
        with pool.at_work(token) as lease:
            return work(lease)

    if not token:
        raise GoneError("the request has no X-Lease-Token; claim a session first")
    return await anyio.to_thread.run_sync(partial(held))


def _meta(kind: type[M], text: str) -> M:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"X-Meta, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _response(answer: Answer) -> Response:
    meta = {"ran_prediction": answer.ran, "bbox": answer.box}
    body = b"" if answer.values is None else pack_array(answer.values)
    headers = {"X-Meta": json.dumps(meta, separators=(",", ":"))}
    return Response(body, media_type="application/octet-stream", headers=headers)
