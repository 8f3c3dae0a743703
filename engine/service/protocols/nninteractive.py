"""The nnInteractive protocol, version 2: what Slicer's and napari's plugins speak, through ``nninteractive-client``.

Arrays come and go packed (``packed_array``), with JSON in the header ``X-Meta``; an answer to a prompt carries the box
that changed and nothing else. A request belongs to the session of its ``X-Lease-Token``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from fastapi import FastAPI, Request, Response
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
    def claim(request: Request) -> dict[str, Any]:
        times = {"idle_timeout_seconds": pool.limits.idle_s, "liveness_timeout_seconds": pool.limits.silent_s}
        return {"lease_token": pool.claim(_owner(request)), **times}

    @app.post("/release")
    def release(request: Request) -> dict[str, bool]:
        pool.release(_token(request), _owner(request))
        return {"ok": True}

    @app.post("/heartbeat")
    def heartbeat(request: Request) -> dict[str, float]:
        return {"remaining_seconds": pool.heartbeat(_token(request), _owner(request))}

    @app.get("/lease_status")
    def lease_status(request: Request) -> dict[str, float]:
        left = pool.remaining_s(_token(request), _owner(request))
        return {"remaining_seconds": left, "idle_timeout_seconds": pool.limits.idle_s}


def _add_image_routes(app: FastAPI, pool: Remote, images: SharedImages) -> None:
    @app.post("/set_image")
    async def set_image(request: Request) -> dict[str, Any]:
        packed = await _body(pool, request)
        spacing = _meta(ImageMeta, request).image_properties.spacing

        def work(lease: Lease[RemoteSession]) -> dict[str, Any]:
            array = unpack_array(packed, IMAGE_BYTES)
            pool.hold(lease, array.nbytes * 2)
            name, array = images.keep(array)
            shape = lease.session.set_image(array, spacing)
            lease.session.image_sha256 = name
            return {"original_image_shape": list(shape)}

        return await _at_work(pool, request, work)

    @app.post("/set_target_buffer")
    async def set_target_buffer(request: Request, body: TargetBody) -> dict[str, bool]:
        await _at_work(pool, request, lambda lease: lease.session.set_target(body.shape, body.dtype))
        return {"ok": True}

    @app.post("/set_do_autozoom")
    async def set_do_autozoom(request: Request, body: ZoomBody) -> dict[str, bool]:
        pool.remaining_s(_token(request), _owner(request))
        return {"ok": True}

    @app.post("/reset_interactions")
    async def reset_interactions(request: Request) -> dict[str, bool]:
        await _at_work(pool, request, lambda lease: lease.session.reset())
        return {"ok": True}


def _add_prompt_routes(app: FastAPI, pool: Remote) -> None:
    async def answered(request: Request, work: Callable[[RemoteSession], Answer]) -> Response:
        return _response(await _at_work(pool, request, lambda lease: work(lease.session)))

    @app.post("/undo", response_class=Response)
    async def undo(request: Request) -> Response:
        return await answered(request, RemoteSession.undo)

    @app.post("/predict", response_class=Response)
    async def predict(request: Request) -> Response:
        return await answered(request, RemoteSession.predict)

    @app.post("/add_point_interaction", response_class=Response)
    async def add_point(request: Request, body: PointBody) -> Response:
        inside, run = body.include_interaction, body.run_prediction
        return await answered(request, lambda session: session.add_point(body.coordinates, inside, run))

    @app.post("/add_bbox_interaction", response_class=Response)
    async def add_bbox(request: Request, body: BoxBody) -> Response:
        inside, run = body.include_interaction, body.run_prediction
        return await answered(request, lambda session: session.add_box(body.bbox_coords, inside, run))

    async def drawn(request: Request, add: Callable[..., Answer]) -> Response:
        meta, packed = _meta(DrawnMeta, request), await _body(pool, request)

        def work(session: RemoteSession) -> Answer:
            mask = unpack_array(packed, IMAGE_BYTES)
            return add(session, mask, meta.interaction_bbox, meta.include_interaction, meta.run_prediction)

        return await answered(request, work)

    @app.post("/add_scribble_interaction", response_class=Response)
    async def add_scribble(request: Request) -> Response:
        return await drawn(request, RemoteSession.add_scribble)

    @app.post("/add_lasso_interaction", response_class=Response)
    async def add_lasso(request: Request) -> Response:
        return await drawn(request, RemoteSession.add_lasso)

    @app.post("/add_initial_seg_interaction", response_class=Response)
    async def add_initial_seg(request: Request) -> Response:
        run, packed = _meta(DrawnMeta, request).run_prediction, await _body(pool, request)
        return await answered(request, lambda session: session.set_mask(unpack_array(packed, IMAGE_BYTES), run))


def _token(request: Request) -> str:
    token = request.headers.get("X-Lease-Token", "")
    if not token:
        raise GoneError("the request has no X-Lease-Token; claim a session first")
    return token


def _owner(request: Request) -> str:
    """Return the name that the guard found, "" where there is none."""
    return str(getattr(request.state, "actor", ""))


async def _body(pool: Remote, request: Request) -> bytes:
    """Return the body; nobody uploads a volume to a lease that has ended."""
    pool.remaining_s(_token(request), _owner(request))
    return await read_body(request, UPLOAD_BYTES)


async def _at_work(pool: Remote, request: Request, work: Callable[[Lease[RemoteSession]], R]) -> R:
    """Work for the lease of a request, in a thread; the guard is told which image it was about."""
    token, owner = _token(request), _owner(request)

    def held() -> R:
        with pool.at_work(token, owner) as lease:
            try:
                return work(lease)
            finally:
                request.state.subject = lease.session.image_sha256

    return await anyio.to_thread.run_sync(held)


def _meta(kind: type[M], request: Request) -> M:
    try:
        return kind.model_validate_json(request.headers.get("X-Meta", "{}"))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"X-Meta, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _response(answer: Answer) -> Response:
    meta = {"ran_prediction": answer.ran, "bbox": answer.box}
    body = b"" if answer.values is None else pack_array(answer.values)
    headers = {"X-Meta": json.dumps(meta, separators=(",", ":"))}
    return Response(body, media_type="application/octet-stream", headers=headers)
