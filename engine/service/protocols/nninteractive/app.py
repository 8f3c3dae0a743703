"""The nnInteractive protocol, version 2: what Slicer's and napari's plugins speak, through ``nninteractive-client``.

Arrays come and go packed (``packed_array``), with JSON in the header ``X-Meta``; an answer to a prompt carries the box
that changed and nothing else. A request belongs to the session of its ``X-Lease-Token``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request, Response

from maskwright.engine.service.budget.reading import require_short_axes
from maskwright.engine.service.budget.request_context import current_limits, current_request
from maskwright.engine.service.http.body import read_body
from maskwright.engine.service.http.docs_page import add_api_page
from maskwright.engine.service.http.openapi import ANY_OBJECT, BINARY, REFUSALS, answers
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive.events import ACTS, PACKED, SET_IMAGE, Outcome, perform
from maskwright.engine.service.protocols.nninteractive.packed_array import pack_array
from maskwright.engine.service.protocols.nninteractive.packed_size import packed_shape
from maskwright.engine.service.protocols.nninteractive.remote_session import Answer, RemoteSession
from maskwright.engine.service.sessions.event import SessionEvent
from maskwright.engine.service.sessions.journal import SessionJournals
from maskwright.engine.service.sessions.leases import Lease, Pool
from maskwright.errors import CapacityError, GoneError, InputError, LimitError

JSON_BYTES = 1 << 20
"""The largest body of JSON that is read."""

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


def nninteractive_app(
    pool: Pool[RemoteSession], images: SharedImages, journals: SessionJournals | None = None
) -> FastAPI:
    """Return the app of one pool of sessions; with journals, what is done is written down."""
    title = "Maskwright: nnInteractive v2"
    app = FastAPI(title=title, strict_content_type=False, responses=REFUSALS, docs_url=None, redoc_url=None)
    add_api_page(app)
    answer_with_problems(app)
    _add_lease_routes(app, pool)
    for path in (SET_IMAGE, *ACTS):
        route = _act_route(path, pool, images, journals)
        app.post(path, response_class=Response, responses=answers(PACKED_TYPE, JSON_TYPE), openapi_extra=_read(path))(
            route
        )
    return app


def _read(path: str) -> dict[str, Any]:
    """Return what the document says of the body: a packed array, or JSON."""
    content = {PACKED_TYPE: {"schema": BINARY}} if path in PACKED else {JSON_TYPE: {"schema": ANY_OBJECT}}
    return {"requestBody": {"required": True, "content": content}}


def _add_lease_routes(app: FastAPI, pool: Pool[RemoteSession]) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/capabilities")
    def capabilities() -> dict[str, Any]:
        return CAPABILITIES

    @app.post("/claim")
    async def claim(request: Request) -> dict[str, Any]:
        times = {"idle_timeout_seconds": pool.limits.idle_s, "liveness_timeout_seconds": pool.limits.silent_s}
        return {"lease_token": pool.claim(_owner(request)), **times}

    @app.post("/release")
    def release(request: Request) -> dict[str, bool]:
        pool.release(_token(request), _owner(request))
        return {"ok": True}

    @app.post("/heartbeat")
    async def heartbeat(request: Request) -> dict[str, float]:
        return {"remaining_seconds": await pool.heartbeat(_token(request), _owner(request))}

    @app.get("/lease_status")
    async def lease_status(request: Request) -> dict[str, float]:
        left = await pool.remaining_s(_token(request), _owner(request))
        return {"remaining_seconds": left, "idle_timeout_seconds": pool.limits.idle_s}


def _act_route(path: str, pool: Pool[RemoteSession], images: SharedImages, journals: SessionJournals | None) -> Any:
    async def act(request: Request) -> Response:
        token, owner = _token(request), _owner(request)
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
    request = current_request()
    if request is None:
        yield
        return
    if size > request.limits.unpacked_bytes:
        raise LimitError(
            f"a packed array of shape {shape} is {size} bytes; at most {request.limits.unpacked_bytes} are taken"
        )
    require_short_axes(shape, request.limits)
    request.reserve(size)
    try:
        yield
    finally:
        request.release(size)


async def _asked(request: Request, path: str) -> SessionEvent:
    if path in PACKED:
        return SessionEvent(
            path, request.headers.get("X-Meta", "{}"), await read_body(request, current_limits().body_bytes)
        )
    try:
        return SessionEvent(path, (await read_body(request, JSON_BYTES)).decode())
    except UnicodeDecodeError:
        raise InputError(f"{path}: the body is no UTF-8 text; send JSON") from None


def _token(request: Request) -> str:
    token = request.headers.get("X-Lease-Token", "")
    if not token:
        raise GoneError("the request has no X-Lease-Token; claim a session first")
    return token


def _owner(request: Request) -> str:
    """Return the name that the guard found, "" where there is none."""
    return str(getattr(request.state, "actor", ""))


def _response(found: Outcome) -> Response:
    if not isinstance(found, Answer):
        return Response(json.dumps(found), media_type=JSON_TYPE)
    meta = {"ran_prediction": found.ran, "bbox": found.box}
    body = b"" if found.values is None else pack_array(found.values)
    headers = {"X-Meta": json.dumps(meta, separators=(",", ":"))}
    return Response(body, media_type=PACKED_TYPE, headers=headers)
