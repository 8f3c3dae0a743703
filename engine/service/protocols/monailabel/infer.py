"""POST /infer/{model}: clicks or a sparse mask to a mask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from maskwright.engine.assist.propagate import propagate
from maskwright.engine.service.http.authorization import actor_name
from maskwright.engine.service.http.bodies import read_form
from maskwright.engine.service.http.openapi import answers, body
from maskwright.engine.service.http.routes import action
from maskwright.engine.service.http.workers import in_thread, run_in_worker
from maskwright.engine.service.images.files import read_uploaded_labels
from maskwright.engine.service.protocols.monailabel.answers import answer, mask_file
from maskwright.engine.service.protocols.monailabel.models import LABEL, METHOD_OF, MODELS, PROPAGATE
from maskwright.engine.service.sessions.click_session import Clicks, ClickSession
from maskwright.engine.service.sessions.leases import Lease
from maskwright.engine.service.sessions.queue import infer_key
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import ImageEntry
from maskwright.engine.volume import Volume
from maskwright.errors import InputError, NotFoundError, PromptError

TYPES = ("uint8", "uint16", "int16", "int32")
"""Of the voxels of a mask; OHIF's older plugins read two bytes a voxel."""


def infer_router(state: AppState) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["infer"])

    @router.post(
        "/infer/{model}",
        response_class=Response,
        responses=answers("multipart/form-data", "application/json", "application/octet-stream"),
        openapi_extra=body(None, ["file", "label"]),
    )
    @action("prompt", large=True)
    async def infer(
        request: Request, model: str, image: str = "", session_id: str = "", output: str = "all"
    ) -> Response:
        """Segment an image: of the datastore (`image`), of a session (`session_id`), or sent along (`file`)."""
        if model not in MODELS:
            raise NotFoundError(f"there is no model {model[:40]!r}; there are {', '.join(MODELS)}")

        async def read_and_begin() -> Awaitable[Response]:
            params, files = await read_form(request)
            owner = actor_name(request)
            entry = await in_thread(lambda: _entry(state, owner, image, session_id, files.get("file")))
            request.state.subject = entry.id

            def click(lease: Lease[ClickSession]) -> Response:
                volume = state.open(entry)
                clicks = clicks_of(params, volume)
                lease.session.begin(volume, clicks, METHOD_OF[model])
                state.clicks.reserve(lease)
                mask = lease.session.segment(clicks)
                return _answered(mask.astype(np.uint8), volume, params, output, {})

            def fill() -> Response:
                volume = state.open(entry)
                labels, more = _propagated(volume, params, files.get("label"))
                if image:
                    state.confidence[entry.id] = more["confidence"]
                return _answered(labels, volume, params, output, more)

            if model == PROPAGATE:
                return asyncio.ensure_future(run_in_worker(fill))
            token = _click_token(owner, params, model, entry)
            return asyncio.ensure_future(state.clicks.work(token, owner, click))

        arrival = infer_key(request.scope)
        answer = await (read_and_begin() if arrival is None else state.queues.ticket(arrival).run(read_and_begin))
        return await answer

    return router


def _click_token(owner: str, params: dict[str, Any], model: str, entry: ImageEntry) -> str:
    """Return the token of an object's session: the owner's name first, since a client chooses its client_id itself."""
    client, label = str(params.get("client_id", "")), str(params.get("label", LABEL))
    return json.dumps([owner, client[:64], model, entry.id, label[:64]])


def clicks_of(params: dict[str, Any], volume: Volume) -> Clicks:
    """Return clicks and box from the client's i, j, k (the stored order of axes, the first one fastest)."""
    ndim = len(volume.grid.shape)
    roi = params.get("roi") or None
    box = None
    if roi is not None:
        ends = _whole(roi, 2 * ndim, "roi")
        box = tuple(ends[0::2][::-1]), tuple(end + 1 for end in ends[1::2][::-1])
    return Clicks(_points(params, "foreground", ndim), _points(params, "background", ndim), box)


def _points(params: dict[str, Any], name: str, ndim: int) -> tuple[tuple[int, ...], ...]:
    points = params.get(name) or []
    if isinstance(points, dict) or not isinstance(points, list):
        raise PromptError(f"{name} is no list of points; expected [[i, j, k], ...]")
    if points and not isinstance(points[0], list):  # some clients send a single point bare
        points = [points]
    return tuple(tuple(_whole(point, 3, name)[:ndim][::-1]) for point in points)


def _whole(values: Any, count: int, name: str) -> list[int]:
    good = isinstance(values, list) and len(values) == count
    if not good or not all(isinstance(v, int | float) and not isinstance(v, bool) and v == v // 1 for v in values):
        raise PromptError(f"{name} holds something else than {count} whole numbers; expected voxel indices")
    return [int(v) for v in values]


def _entry(state: AppState, owner: str, image: str, session_id: str, file: UploadFile | None) -> ImageEntry:
    if session_id:
        return state.transient.image(owner, session_id)
    if file is not None:
        return state.transient.add(owner, file.filename or "image.nii.gz", file.file)
    if not image:
        raise InputError("no image: give 'image' or 'session_id', or send a 'file'")
    return state.store.image(image)


def _propagated(volume: Volume, params: dict[str, Any], label: UploadFile | None) -> tuple[Any, dict[str, Any]]:
    if label is None:
        raise InputError(f"{PROPAGATE} needs a mask drawn on some slices: send it as 'label'")
    drawn = read_uploaded_labels(label)
    axis = params.get("axis", 0)
    if axis not in (0, 1, 2):
        raise InputError("axis is not 0, 1 or 2, in the stored z, y, x")
    filled = propagate(volume, drawn, axis=axis)
    confidence = [round(float(value), 4) for value in filled.confidence]
    inner = [value for value in confidence if 0 < value < 1]
    return filled.mask, {"slice_confidence": confidence, "confidence": min(inner, default=1.0)}


def _answered(labels: Any, volume: Volume, params: dict[str, Any], output: str, more: dict[str, Any]) -> Response:
    name = str(params.get("label") or LABEL)
    wanted = {"label_names": {name: 1}, **more}
    if output == "json":
        return answer(output, wanted, None)
    extension = str(params.get("result_extension") or ".nrrd")
    compress = params.get("result_compress") is not False
    kind = str(params.get("result_dtype") or TYPES[0])
    if kind not in TYPES:
        raise InputError(f"result_dtype is {kind[:16]!r}; expected one of {', '.join(TYPES)}")
    data = mask_file(Volume(labels.astype(kind), volume.affine, volume.source), extension, compress)
    return answer(output, wanted, (f"mask{extension}", data))
