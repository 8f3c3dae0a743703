"""/datastore/ and /session/: images and labels in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.datastructures import UploadFile

from maskwright.engine.io.formats import STORED_LABEL_SUFFIXES, suffix_of
from maskwright.engine.service.http.authorization import actor_name
from maskwright.engine.service.http.bodies import read_form
from maskwright.engine.service.http.openapi import answers, body
from maskwright.engine.service.http.routes import action
from maskwright.engine.service.http.workers import in_thread
from maskwright.engine.service.images.files import read_label_file, temporary_file, volume_file
from maskwright.engine.service.images.uploads import ingest
from maskwright.engine.service.protocols.monailabel.voxels import labels_of_voxels, numbered
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore, ImageEntry, LabelEntry
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import GeometryError, InputError, NotFoundError

TAG = "final"
"""The tag of a label that is saved or asked for without one."""
VOXELS = ".bin"
"""The suffix of a label without a header, its voxels alone; it is stored as NIfTI."""


def datastore_router(state: AppState) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["datastore"])
    _add_images(router, state)
    _add_labels(router, state)
    _add_sessions(router, state)
    return router


def _add_images(router: APIRouter, state: AppState) -> None:
    store = state.store

    @router.get("/datastore/")
    @action("read_image")
    async def listing(output: str = "") -> dict[str, Any]:
        """All images, and the labels of each by tag."""
        return {"objects": await in_thread(lambda: {entry.id: _described(store, entry) for entry in store.images()})}

    @router.put("/datastore/", openapi_extra=body(None, ["file"]))
    @router.put("/datastore/image", openapi_extra=body(None, ["file"]))
    @action("save_label", large=True)
    async def put_image(request: Request, image: str = "") -> dict[str, str]:
        """Store an image, once for each content; a file that cannot be read as an image is refused."""
        _, files = await read_form(request)
        file = _required(files, "file")
        name = file.filename or image or "image.nii.gz"
        entry = await in_thread(lambda: ingest(store, state.volumes, name, file.file, state.limits.body_bytes))
        request.state.subject = entry.id
        return {"image": entry.id}

    @router.head("/datastore/image", response_class=Response, responses=answers("application/octet-stream"))
    @router.get("/datastore/image", response_class=Response, responses=answers("application/octet-stream"))
    @action("read_image")
    async def get_image(request: Request, image: str) -> Response:
        """The file of an image."""
        entry = await in_thread(lambda: store.image(image))
        request.state.subject = entry.id
        if entry.path.is_dir():
            raise NotFoundError("this image is a folder of files, which are not sent as one; convert it to NIfTI")
        return FileResponse(entry.path, filename=entry.name, media_type="application/octet-stream")


def _add_labels(router: APIRouter, state: AppState) -> None:
    store = state.store

    @router.put("/datastore/label", openapi_extra=body(None, ["label"]))
    @action("save_label", large=True)
    async def put_label(request: Request, image: str, tag: str = "") -> dict[str, str]:
        """Save a label of an image; the one it replaces becomes an earlier version."""
        params, files = await read_form(request)
        label = _required(files, "label")
        author = actor_name(request) or "unknown"  # client_id is only a client's word
        client = str(params.get("client_id") or "")

        def work() -> None:
            entry = store.image(image)
            request.state.subject = entry.id
            description, suffix = params.get("label_info"), _label_suffix(label)
            with _label_file(label, suffix, state.open(entry)) as (labels, data):
                if suffix == VOXELS:
                    description, suffix = numbered(description, labels), ".nii.gz"
                store.save_label(entry.id, tag or TAG, data, suffix, {"label_info": description}, author, client)

        await in_thread(work)
        return {"image": image, "label": image}

    @router.get("/datastore/label", response_class=Response, responses=answers("application/octet-stream"))
    @action("read_label")
    async def get_label(request: Request, label: str, tag: str = "") -> Response:
        """The file of a label."""

        def work() -> Response:
            entry = store.image(label)
            request.state.subject = entry.id
            path = store.label_path(entry.id, tag or TAG)
            suffix = next(suffix for suffix in STORED_LABEL_SUFFIXES if path.name.endswith(suffix))
            return FileResponse(path, filename=entry.id + suffix, media_type="application/octet-stream")

        return await in_thread(work)


def _add_sessions(router: APIRouter, state: AppState) -> None:
    transient = state.transient

    @router.put("/session/", openapi_extra=body(None, ["files"]))
    @action("prompt", large=True)
    async def put_session(request: Request) -> dict[str, str]:
        """Take an image that is only to be segmented, not stored."""
        _, files = await read_form(request)
        file = _required(files, "files")
        name = file.filename or "image.nii.gz"
        entry = await in_thread(lambda: transient.add(actor_name(request), name, file.file))
        request.state.subject = entry.id
        return {"session_id": entry.id}

    @router.get("/session/{session_id}")
    @action("prompt")
    async def get_session(request: Request, session_id: str) -> dict[str, str]:
        """Whether the image of one of the client's own sessions is still there."""
        entry = await in_thread(lambda: transient.image(actor_name(request), session_id))
        return {"session_id": entry.id, "name": entry.name}

    @router.delete("/session/{session_id}")
    @action("prompt")
    async def delete_session(request: Request, session_id: str) -> dict[str, str]:
        """Remove the image of one of the client's own sessions."""
        await in_thread(lambda: transient.remove(actor_name(request), session_id))
        return {"session_id": session_id}


def _described(store: Datastore, entry: ImageEntry) -> dict[str, Any]:
    labels = {tag: {"info": _info(label)} for tag, label in store.labels(entry.id).items()}
    return {"image": {"info": {"name": entry.name}}, "labels": labels}


def _info(label: LabelEntry) -> dict[str, Any]:
    return {} if label.info is None else dict(label.info.label_info)


def _required(files: Mapping[str, UploadFile], name: str) -> UploadFile:
    if name not in files:
        raise InputError(f"no file came; send it as the part {name!r} of a form")
    return files[name]


def _label_suffix(label: UploadFile) -> str:
    suffixes = (*STORED_LABEL_SUFFIXES, VOXELS)
    if suffix := suffix_of(label.filename or "", suffixes):
        return suffix
    raise InputError(f"a label's name ends in {', '.join(suffixes)}; save it in one of these")


@contextmanager
def _label_file(label: UploadFile, suffix: str, image: Volume) -> Iterator[tuple[LabelMap, bytes | Path]]:
    """Yield the labels of an upload and their file to store; GeometryError where they lie on another grid."""
    if suffix == VOXELS:
        labels = labels_of_voxels(label.file, label.size or 0, image)
        yield labels, volume_file(labels, ".nii.gz")
        return
    with temporary_file(label, suffix) as path:
        labels = read_label_file(path)
        if not labels.grid.is_same(image.grid):
            raise GeometryError(
                f"the label has shape {labels.grid.shape}, affine {labels.grid.describe_affine()}; its image has shape "
                f"{image.grid.shape}, affine {image.grid.describe_affine()}; save it on the image's grid"
            )
        yield labels, path
