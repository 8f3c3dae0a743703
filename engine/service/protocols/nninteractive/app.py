"""The nnInteractive protocol, version 2: spoken by Slicer's and napari's plugins, through ``nninteractive-client``.

Arrays come and go packed (``packed_array``), with JSON in the header ``X-Meta``; an answer to a prompt carries the
changed box alone. A request belongs to the session of its ``X-Lease-Token``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from numpy.typing import NDArray

from maskwright.engine.service.budget.reading import require_short_axes
from maskwright.engine.service.budget.request_context import current_limits, reserve
from maskwright.engine.service.http.authorization import actor_name
from maskwright.engine.service.http.bodies import parse_model, read_body
from maskwright.engine.service.http.openapi import ANY_OBJECT, BINARY, answers
from maskwright.engine.service.http.routes import OPEN, action
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive.packed_array import pack_array, unpack_array, unpacked_size
from maskwright.engine.service.protocols.nninteractive.remote_session import Answer, RemoteSession
from maskwright.engine.service.protocols.nninteractive.requests import CALLS, SET_IMAGE, ImageFields, Result
from maskwright.engine.service.sessions.leases import Lease, Leases
from maskwright.errors import CapacityError, GoneError, InputError, LimitError
from maskwright.interactive.methods.registry import load_method

PACKED_TYPE, JSON_TYPE = "application/octet-stream", "application/json"
PROTOCOL_VERSION = "2.6.0"
"""Of the nnInteractive whose server this one stands in for."""

Work = Callable[[Lease[RemoteSession], Any, bytes], Result]


def nninteractive_router(leases: Leases[RemoteSession], images: SharedImages) -> APIRouter:
    """Return the routes of one table of leases."""
    router = APIRouter()
    _add_lease_routes(router, leases)
    _add_route(router, SET_IMAGE, ImageFields, True, leases, _image_work(leases, images))
    for path, call in CALLS.items():
        _add_route(router, path, call.fields, call.takes_array, leases, _call_work(call.work, call.takes_array))
    return router


def capabilities() -> dict[str, Any]:
    """Return the capabilities of the default method in the words of the protocol."""
    supports = load_method().supports
    kinds = {"points": "point", "bbox2d": "box", "bbox3d": "box", "scribble": "scribble", "lasso": "lasso"}
    return {
        "supported_interactions": {name: kind in supports.prompts for name, kind in kinds.items()},
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
        "inference_session_version": PROTOCOL_VERSION,
        "license": "Apache-2.0",
        "supports_undo": True,
        "do_autozoom": True,
    }


def _add_lease_routes(router: APIRouter, leases: Leases[RemoteSession]) -> None:
    @router.get("/healthz")
    @action(OPEN, quiet=True)
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    @router.get("/capabilities")
    @action(OPEN)
    def get_capabilities() -> dict[str, Any]:
        return capabilities()

    @router.post("/claim")
    @action("prompt")
    def claim(request: Request) -> dict[str, Any]:
        policy = leases.policy
        times = {"idle_timeout_seconds": policy.idle_s, "liveness_timeout_seconds": policy.silent_s}
        return {"lease_token": leases.claim(actor_name(request)), **times}

    @router.post("/release")
    @action("prompt")
    def release(request: Request) -> dict[str, bool]:
        leases.release(_token(request), actor_name(request))
        return {"ok": True}

    @router.post("/heartbeat")
    @action("prompt", quiet=True)
    async def heartbeat(request: Request) -> dict[str, float]:
        return {"remaining_seconds": await leases.heartbeat(_token(request), actor_name(request))}

    @router.get("/lease_status")
    @action("prompt", quiet=True)
    async def lease_status(request: Request) -> dict[str, float]:
        left = await leases.remaining_s(_token(request), actor_name(request))
        return {"remaining_seconds": left, "idle_timeout_seconds": leases.policy.idle_s}


def _add_route(
    router: APIRouter, path: str, fields: type[Any], takes_array: bool, leases: Leases[RemoteSession], work: Work
) -> None:
    content = {PACKED_TYPE: {"schema": BINARY}} if takes_array else {JSON_TYPE: {"schema": ANY_OBJECT}}

    @router.post(
        path,
        name=path.strip("/"),
        response_class=Response,
        responses=answers(PACKED_TYPE, JSON_TYPE),
        openapi_extra={"requestBody": {"required": True, "content": content}},
    )
    @action("prompt", large=takes_array)
    async def route(request: Request) -> Response:
        token, owner = _token(request), actor_name(request)
        await leases.remaining_s(token, owner)  # nobody uploads a volume to a lease that has ended
        data = await read_body(request)
        text = request.headers.get("X-Meta", "") if takes_array else _text(data, path)

        def use(lease: Lease[RemoteSession]) -> Response:
            request.state.subject = lease.session.image_sha256  # also where the work fails
            result = work(lease, parse_model(fields, text or "{}", path), data)
            request.state.subject = lease.session.image_sha256
            return _response(result)

        return await leases.work(token, owner, use)


def _image_work(leases: Leases[RemoteSession], images: SharedImages) -> Work:
    def work(lease: Lease[RemoteSession], fields: ImageFields, packed: bytes) -> Result:
        with unpacked(packed) as array:
            image_sha256, shared = images.share(array)
            shape = lease.session.set_image(shared, fields.image_properties.spacing, image_sha256, packed)
        try:
            leases.reserve(lease)
        except CapacityError:
            lease.session.close()  # its client would take masks of the image before for those of this one
            raise
        return {"original_image_shape": list(shape)}

    return work


def _call_work(function: Callable[[RemoteSession, Any, Any], Result], takes_array: bool) -> Work:
    def work(lease: Lease[RemoteSession], fields: Any, data: bytes) -> Result:
        if not takes_array:
            return function(lease.session, fields, None)
        with unpacked(data) as array:
            return function(lease.session, fields, array)

    return work


@contextlib.contextmanager
def unpacked(packed: bytes) -> Iterator[NDArray[Any]]:
    """Unpack an array, whose memory is reserved for the request until the session has it."""
    (shape, size), limits = unpacked_size(packed), current_limits()
    if size > limits.unpacked_bytes:
        raise LimitError(f"a packed array of shape {shape} is {size} bytes; at most {limits.unpacked_bytes} are taken")
    require_short_axes(shape, limits)
    with reserve(size):
        yield unpack_array(packed, limits.unpacked_bytes)


def _text(data: bytes, path: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InputError(f"{path}: the body is no UTF-8 text; send JSON") from None


def _token(request: Request) -> str:
    token = request.headers.get("X-Lease-Token", "")
    if not token:
        raise GoneError("the request has no X-Lease-Token; claim a session first")
    return token


def _response(result: Result) -> Response:
    if not isinstance(result, Answer):
        return Response(json.dumps(result), media_type=JSON_TYPE)
    meta = {"ran_prediction": result.ran, "bbox": result.box}
    body = b"" if result.values is None else pack_array(result.values)
    headers = {"X-Meta": json.dumps(meta, separators=(",", ":"))}
    return Response(body, media_type=PACKED_TYPE, headers=headers)
