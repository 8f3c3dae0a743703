"""The nnInteractive protocol, version 2: what Slicer's and napari's plugins speak, through ``nninteractive-client``.

Arrays come and go packed (``packed_array``), with JSON in the header ``X-Meta``; an answer to a prompt carries the box
that changed and nothing else. A request belongs to the session of its ``X-Lease-Token``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from maskwright.engine.service.budget.reading import require_short_axes
from maskwright.engine.service.budget.request_context import current_limits, reserve
from maskwright.engine.service.http.authorization import actor_name
from maskwright.engine.service.http.bodies import read_body
from maskwright.engine.service.http.openapi import ANY_OBJECT, BINARY, answers
from maskwright.engine.service.http.routes import OPEN, action
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive.events import ACTS, PACKED, SET_IMAGE, Outcome, perform
from maskwright.engine.service.protocols.nninteractive.packed_array import pack_array
from maskwright.engine.service.protocols.nninteractive.packed_size import packed_shape
from maskwright.engine.service.protocols.nninteractive.remote_session import Answer, RemoteSession
from maskwright.engine.service.sessions.event import SessionEvent
from maskwright.engine.service.sessions.journal import SessionJournals
from maskwright.engine.service.sessions.leases import Lease, Pool
from maskwright.errors import CapacityError, GoneError, InputError, LimitError

PACKED_TYPE, JSON_TYPE = "application/octet-stream", "application/json"
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
    "preferred_scribble_thickness": [2, 2, 2],
    "interaction_decay": 1.0,
    "inference_session_version": "2.6.0",
    "license": "Apache-2.0",
    "supports_undo": True,
    "do_autozoom": True,
}


def nninteractive_router(
    pool: Pool[RemoteSession], images: SharedImages, journals: SessionJournals | None = None
) -> APIRouter:
    """Return the routes of one pool of sessions; with journals, what is done is written down."""
    router = APIRouter()
    _add_lease_routes(router, pool)
    for path in (SET_IMAGE, *ACTS):
        route = action("prompt", large=path in PACKED)(_act_route(path, pool, images, journals))
        described = _read(path)
        router.post(path, response_class=Response, responses=answers(PACKED_TYPE, JSON_TYPE), openapi_extra=described)(
            route
        )
    return router


def _read(path: str) -> dict[str, Any]:
    """Return what the document says of the body: a packed array, or JSON."""
    content = {PACKED_TYPE: {"schema": BINARY}} if path in PACKED else {JSON_TYPE: {"schema": ANY_OBJECT}}
    return {"requestBody": {"required": True, "content": content}}


def _add_lease_routes(router: APIRouter, pool: Pool[RemoteSession]) -> None:
    @router.get("/healthz")
    @action(OPEN, quiet=True)
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    @router.get("/capabilities")
    @action(OPEN)
    def capabilities() -> dict[str, Any]:
        return CAPABILITIES

    @router.post("/claim")
    @action("prompt")
    async def claim(request: Request) -> dict[str, Any]:
        times = {"idle_timeout_seconds": pool.limits.idle_s, "liveness_timeout_seconds": pool.limits.silent_s}
        return {"lease_token": pool.claim(actor_name(request)), **times}

    @router.post("/release")
    @action("prompt")
    def release(request: Request) -> dict[str, bool]:
        pool.release(_token(request), actor_name(request))
        return {"ok": True}

    @router.post("/heartbeat")
    @action("prompt", quiet=True)
    async def heartbeat(request: Request) -> dict[str, float]:
        return {"remaining_seconds": await pool.heartbeat(_token(request), actor_name(request))}

    @router.get("/lease_status")
    @action("prompt", quiet=True)
    async def lease_status(request: Request) -> dict[str, float]:
        left = await pool.remaining_s(_token(request), actor_name(request))
        return {"remaining_seconds": left, "idle_timeout_seconds": pool.limits.idle_s}


def _act_route(path: str, pool: Pool[RemoteSession], images: SharedImages, journals: SessionJournals | None) -> Any:
    async def act(request: Request) -> Response:
        token, owner = _token(request), actor_name(request)
        await pool.remaining_s(token, owner)  # nobody uploads a volume to a lease that has ended
        asked = await _asked(request, path)

        def work(lease: Lease[RemoteSession]) -> Response:
            session = lease.session
            request.state.subject = session.image_sha256  # also where the act fails
            with _room_to_unpack(asked):
                found = perform(session, asked, images)
            request.state.subject = session.image_sha256
            _hold(pool, lease, journals)
            if journals is not None:
                journals.note(token, owner, asked)
            return _response(found)

        return await pool.work(token, owner, work)

    act.__name__ = path.strip("/")
    return act


def _hold(pool: Pool[RemoteSession], lease: Lease[RemoteSession], journals: SessionJournals | None) -> None:
    """Note what a session takes; one that there is no room for is let go, and what is written of it, too."""
    try:
        pool.hold(lease, lease.session.size_bytes)
    except CapacityError:
        lease.session = RemoteSession()
        pool.hold(lease, 0)
        if journals is not None:
            journals.forget(lease.token)
        raise


@contextlib.contextmanager
def _room_to_unpack(asked: SessionEvent) -> Iterator[None]:
    """Note the array that an act unpacks, until the session holds it."""
    shape, size = packed_shape(asked.packed)
    limits = current_limits()
    if size > limits.unpacked_bytes:
        raise LimitError(f"a packed array of shape {shape} is {size} bytes; at most {limits.unpacked_bytes} are taken")
    require_short_axes(shape, limits)
    with reserve(size):
        yield


async def _asked(request: Request, path: str) -> SessionEvent:
    if path in PACKED:
        return SessionEvent(path, request.headers.get("X-Meta", "{}"), await read_body(request))
    try:
        return SessionEvent(path, (await read_body(request)).decode())
    except UnicodeDecodeError:
        raise InputError(f"{path}: the body is no UTF-8 text; send JSON") from None


def _token(request: Request) -> str:
    token = request.headers.get("X-Lease-Token", "")
    if not token:
        raise GoneError("the request has no X-Lease-Token; claim a session first")
    return token


def _response(found: Outcome) -> Response:
    if not isinstance(found, Answer):
        return Response(json.dumps(found), media_type=JSON_TYPE)
    meta = {"ran_prediction": found.ran, "bbox": found.box}
    body = b"" if found.values is None else pack_array(found.values)
    headers = {"X-Meta": json.dumps(meta, separators=(",", ":"))}
    return Response(body, media_type=PACKED_TYPE, headers=headers)
