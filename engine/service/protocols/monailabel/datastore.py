"""/datastore/ and /session/: images and labels in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.datastructures import UploadFile

from maskwright.engine.service.http.forms import read_form
from maskwright.engine.service.http.openapi import answers, body
from maskwright.engine.service.http.workers import in_thread
from maskwright.engine.service.images.files import read_label_file, temporary_file, volume_file
from maskwright.engine.service.images.uploads import ingest
from maskwright.engine.service.protocols.monailabel.voxels import labels_of_voxels, numbered
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import ImageEntry, LabelEntry
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import GeometryError, InputError, NotFoundError

TAG = "final"
SUFFIXES = (".nii.gz", ".nrrd", ".seg.dcm")
VOXELS = ".bin"
"""Of a label that is kept as NIfTI: its voxels alone."""


def datastore_router(place: AppState) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["datastore"])
    router.include_router(_labels_router(place))

    @router.get("/datastore/")
    async def listing(output: str = "") -> dict[str, Any]:
        """All images, and the labels of each by tag."""
        return {"objects": await in_thread(lambda: {e.id: _described(place, e) for e in place.store.images()})}

    @router.put("/datastore/", openapi_extra=body(None, ["file"]))
    @router.put("/datastore/image", openapi_extra=body(None, ["file"]))
    async def put_image(request: Request, image: str = "") -> dict[str, str]:
        """Keep an image; the same content is kept once, and what cannot be read as an image is refused."""
        _, files = await read_form(request)
        file = _sent(files.get("file"), "file")
        name = file.filename or image or "image.nii.gz"
        entry = await in_thread(lambda: ingest(place.store, place.volumes, name, file.file, place.limits.body_bytes))
        request.state.subject = entry.id
        return {"image": entry.id}

    @router.head("/datastore/image", response_class=Response, responses=answers("application/octet-stream"))
    @router.get("/datastore/image", response_class=Response, responses=answers("application/octet-stream"))
    async def get_image(request: Request, image: str) -> Response:
        """The file of an image."""
        entry = await in_thread(lambda: place.store.image(image))
        request.state.subject = entry.id
        return _file(entry.path, entry.name)

    @router.put("/session/", openapi_extra=body(None, ["files"]))
    async def put_session(request: Request) -> dict[str, str]:
        """Take an image that is only to be segmented, not kept."""
        _, files = await read_form(request)
        file = _sent(files.get("files"), "files")
        name = file.filename or "image.nii.gz"
        entry = await in_thread(lambda: place.transient.add(actor_of(request), name, file.file))
        request.state.subject = entry.id
        return {"session_id": entry.id}

    @router.get("/session/{session_id}")
    async def get_session(request: Request, session_id: str) -> dict[str, str]:
        """Whether the image of one of the client's own sessions is still there."""
        entry = await in_thread(lambda: place.transient.image(actor_of(request), session_id))
        return {"session_id": entry.id, "name": entry.name}

    @router.delete("/session/{session_id}")
    async def delete_session(request: Request, session_id: str) -> dict[str, str]:
        """Remove the image of one of the client's own sessions."""
        await in_thread(lambda: place.transient.remove(actor_of(request), session_id))
        return {"session_id": session_id}

    return router


def _labels_router(place: AppState) -> APIRouter:
    router = APIRouter(tags=["datastore"])

    @router.put("/datastore/label", openapi_extra=body(None, ["label"]))
    async def put_label(request: Request, image: str, tag: str = "") -> dict[str, str]:
        """Save a label of an image; the one it replaces is kept as an earlier version."""
        params, files = await read_form(request)
        label = _sent(files.get("label"), "label")
        author = (
            str(getattr(request.state, "actor", "")) or "unknown"
        )  # of the token: client_id is only a client's word

        def work() -> None:
            entry = place.store.image(image)
            request.state.subject = entry.id
            info, client = {"label_info": params.get("label_info")}, str(params.get("client_id") or "")
            suffix = next((s for s in (*SUFFIXES, VOXELS) if (label.filename or "").lower().endswith(s)), "")
            if not suffix:
                raise InputError(f"a label's name ends in {', '.join((*SUFFIXES, VOXELS))}; save it in one of these")
            if suffix == VOXELS:
                labels = labels_of_voxels(label.file, label.size or 0, place.open(entry))
                info["label_info"] = numbered(info["label_info"], labels)
                data = volume_file(labels, ".nii.gz")
                place.store.save_label(entry.id, tag or TAG, data, ".nii.gz", info, author, client)
                return
            with temporary_file(label, suffix) as path:
                _check_fits(read_label_file(path), place.open(entry))
                place.store.save_label(entry.id, tag or TAG, path, suffix, info, author, client)

        await in_thread(work)
        return {"image": image, "label": image}

    @router.get("/datastore/label", response_class=Response, responses=answers("application/octet-stream"))
    async def get_label(request: Request, label: str, tag: str = "") -> Response:
        """The file of a label."""

        def work() -> Response:
            image = request.state.subject = place.store.image(label).id
            path = place.store.label_path(image, tag or TAG)
            return _file(path, image + next(suffix for suffix in SUFFIXES if path.name.endswith(suffix)))

        return await in_thread(work)

    return router


def _described(place: AppState, entry: ImageEntry) -> dict[str, Any]:
    labels = {tag: {"info": _info(label)} for tag, label in place.store.labels(entry.id).items()}
    return {"image": {"info": {"name": entry.name}}, "labels": labels}


def _info(label: LabelEntry) -> dict[str, Any]:
    return {} if label.info is None else dict(label.info.label_info)


def _sent(file: UploadFile | None, name: str) -> UploadFile:
    if file is None:
        raise InputError(f"no file came; send it as the part {name!r} of a form")
    return file


def actor_of(request: Request) -> str:
    """Return the name of the token with which a request is made, "" where no middleware has asked for one."""
    return str(getattr(request.state, "actor", ""))


def _file(path: Path, name: str) -> Response:
    if path.is_dir():
        raise NotFoundError("this image is a folder of files, which are not sent as one; convert it to NIfTI")
    return FileResponse(path, filename=name, media_type="application/octet-stream")


def _check_fits(labels: LabelMap, volume: Volume) -> None:
    """Refuse a label that lies on another grid than its image."""
    if not labels.grid.is_same(volume.grid):
        raise GeometryError(
            f"the label has shape {labels.grid.shape}, affine {labels.grid.describe_affine()}; its image has shape "
            f"{volume.grid.shape}, affine {volume.grid.describe_affine()}; save it on the image's grid"
        )
