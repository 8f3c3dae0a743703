"""MONAI Label's routes without those of one resource: login, models, the next image."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request

from maskwright.engine.service.access import Refusal, TokenFile, Tokens
from maskwright.engine.service.http.bodies import parse_object, read_body
from maskwright.engine.service.http.openapi import body
from maskwright.engine.service.http.problems import problem
from maskwright.engine.service.http.routes import OPEN, action
from maskwright.engine.service.http.workers import in_thread
from maskwright.engine.service.protocols.dicomweb.app import dicomweb_router
from maskwright.engine.service.protocols.monailabel.datastore import datastore_router
from maskwright.engine.service.protocols.monailabel.infer import infer_router
from maskwright.engine.service.protocols.monailabel.models import LABEL, NEXT, STRATEGIES, describe_models
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import ImageEntry
from maskwright.errors import NotFoundError

SHOWN = {"Modality": "00080060", "StudyDate": "00080020", "StudyTime": "00080030", "PatientID": "00100020"}
"""What OHIF shows of the next image before it is opened."""
LOGIN = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["password"],
                    "properties": {"username": {"type": "string"}, "password": {"type": "string", "minLength": 1}},
                }
            }
        },
    }
}


def monailabel_router(state: AppState, tokens: TokenFile | Tokens | None) -> APIRouter:
    """Return all routes of the protocol."""
    router = APIRouter()
    router.include_router(datastore_router(state))
    router.include_router(infer_router(state))
    router.include_router(_general_router(state))
    router.include_router(_login_router(tokens))
    router.include_router(dicomweb_router(state))
    return router


def _login_router(tokens: TokenFile | Tokens | None) -> APIRouter:
    router = APIRouter(prefix="/auth", tags=["server"])

    @router.get("/")
    @action(OPEN, quiet=True)
    def auth() -> dict[str, bool]:
        """Whether clients have to log in."""
        return {"enabled": tokens is not None}

    @router.post("/token", openapi_extra=LOGIN)
    @action(OPEN)
    async def token(request: Request) -> Any:
        """Give a client's password back as its bearer token: the password is the token, the name is not looked at."""
        fields = parse_qs((await read_body(request)).decode("utf-8", "replace"))
        secret = next(iter(fields.get("password", [])), "")
        actor = None if tokens is None else tokens.authenticate(secret, datetime.now(UTC))
        if isinstance(actor, Refusal):
            return problem(401, actor.message)
        return {"access_token": secret, "token_type": "bearer"}

    @router.get("/token/valid")
    @action("read_image")
    def valid() -> dict[str, bool]:
        """Whether the token of this request is valid; a request with another one is refused before."""
        return {"valid": True}

    return router


def _general_router(state: AppState) -> APIRouter:
    router = APIRouter(tags=["server"])

    @router.get("/info/")
    @action("read_image")
    async def info() -> dict[str, Any]:
        """Models, strategies, and how far the datastore is."""
        status, models = await in_thread(lambda: (state.store.status(), describe_models()))
        return {
            "name": "Maskwright",
            "description": "Clicks to masks, and masks from slice to slice",
            "version": "0.8.5",
            "labels": [LABEL],
            "models": models,
            "trainers": {},
            "strategies": STRATEGIES,
            "scoring": {},
            "train_stats": {},
            "datastore": {"total": status.total, "completed": status.completed},
        }

    @router.post("/activelearning/{strategy}", openapi_extra=body(required=False))
    @action("prompt")
    async def next_image(request: Request, strategy: str) -> dict[str, Any]:
        """The image to label next; nothing where all are done."""
        if strategy not in STRATEGIES:
            raise NotFoundError(f"there is no strategy {strategy[:40]!r}; there is {', '.join(STRATEGIES)}")
        parse_object(await read_body(request), "the body")
        entry = await in_thread(lambda: _next(state, strategy))
        if entry is None:
            return {}
        request.state.subject = entry.id
        return await in_thread(lambda: _sample(state, entry))

    @router.get("/train/")
    @action("read_image")
    def train_status() -> Any:
        """Idle, always: nothing is trained here."""
        return problem(404, "no training runs; this server trains nothing")

    @router.post("/train/{model}")
    @action("prompt")
    def train(model: str) -> Any:
        """Nothing is trained here."""
        return problem(404, "this server trains nothing; its models learn from the clicks alone")

    return router


def _next(state: AppState, strategy: str) -> ImageEntry | None:
    if strategy == NEXT:
        return state.store.next_unlabelled(state.confidence)
    left = state.store.unlabelled()
    return secrets.choice(left) if left else None


def _sample(state: AppState, entry: ImageEntry) -> dict[str, Any]:
    """Return an image as the clients read it; of a DICOM series also by which UIDs a viewer opens it."""
    sample = {"id": entry.id, "path": entry.name, "name": entry.name, "checksum": f"SHA256:{entry.sha256}"}
    series = next((series for series in state.store.dicom_series() if series.image == entry.id), None)
    if series is not None:
        sample |= {"StudyInstanceUID": series.study, "SeriesInstanceUID": series.uid}
        sample |= {name: series.first(tag) for name, tag in SHOWN.items()}
    return sample
