"""/api/v1/sessions: clicks, boxes and scribbles to masks over JSON, for the page.

A session belongs to the token that began it and ends when it is deleted or rests too long. Voxels and boxes are in the
image's stored axes, z, y, x; of a mask only the changes are sent: a box, and the bits in it. `cut` tells that the
object may go on beyond the largest crop of one edit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request, Response

from maskwright.engine.service.budget.request_context import require_present
from maskwright.engine.service.http.authorization import actor_name
from maskwright.engine.service.http.openapi import answers
from maskwright.engine.service.http.routes import action
from maskwright.engine.service.http.workers import in_thread, run_in_worker
from maskwright.engine.service.images.files import read_label_file, segmentation_file, takes_segmentation, volume_file
from maskwright.engine.service.protocols.v1.page_session import PageSession
from maskwright.engine.service.protocols.v1.requests import (
    BeginRequest,
    ObjectChange,
    ObjectRequest,
    PromptRequest,
    PropagateRequest,
    SaveRequest,
)
from maskwright.engine.service.sessions.leases import Lease, Leases
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import ImageEntry
from maskwright.engine.volume import Volume
from maskwright.errors import GeometryError, InputError

NIFTI, DICOM = "application/octet-stream", "application/dicom"

Suffix = Literal[".nii.gz", ".seg.dcm"]
SUFFIXES: dict[str, Suffix] = {"nifti": ".nii.gz", "dicom-seg": ".seg.dcm"}
"""Of the formats in which labels are saved."""

R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class SessionRoutes:
    """The state and the leases that the routes share."""

    state: AppState
    leases: Leases[PageSession]

    async def use(self, request: Request, token: str, work: Callable[[PageSession], R]) -> R:
        """Return the result of some work on a session, in its turn."""

        def use(lease: Lease[PageSession]) -> R:
            request.state.subject = lease.session.image_id
            return work(lease.session)

        return await self.leases.work(token, actor_name(request), use)


def sessions_router(state: AppState, leases: Leases[PageSession]) -> APIRouter:
    """Return the routes."""
    router, routes = APIRouter(prefix="/api/v1/sessions", tags=["assist"]), SessionRoutes(state, leases)
    _add_begin_and_end(router, routes)
    _add_edits(router, routes)
    _add_objects(router, routes)
    _add_saving(router, routes)
    _add_files(router, routes)
    return router


def _add_begin_and_end(router: APIRouter, routes: SessionRoutes) -> None:
    state, leases = routes.state, routes.leases

    @router.post("")
    @action("read_image")
    async def begin(request: Request, body: BeginRequest) -> dict[str, Any]:
        """Begin a session on an image; it has one empty object. `formats` are those in which it can be saved."""
        request.state.subject, owner = body.image, actor_name(request)

        def read() -> tuple[ImageEntry, str, Volume]:
            entry = state.store.image(body.image)
            request.state.subject = entry.id
            sha256 = entry.sha256  # before the image is read: a change in the meantime is noticed
            return entry, sha256, state.open(entry)

        entry, sha256, volume = await run_in_worker(read)
        token = await in_thread(lambda: leases.claim(owner))

        def work(lease: Lease[PageSession]) -> dict[str, Any]:
            lease.session.open_image(entry.id, sha256, volume)
            leases.reserve(lease)
            grid, formats = volume.grid, ["nifti", "dicom-seg"] if takes_segmentation(entry) else ["nifti"]
            answer = {"session": token, "shape": list(grid.shape), "spacing_mm": grid.spacing_mm, "formats": formats}
            require_present()  # else the session would last for an hour, and nobody know its token
            return answer | lease.session.describe()

        try:
            return await leases.work(token, owner, work)
        except BaseException:
            leases.release(token, owner)
            raise

    @router.delete("/{session}")
    @action("read_image")
    async def end(request: Request, session: str) -> dict[str, bool]:
        """End a session; edits that are not saved are gone. One that has ended is no error."""
        owner = actor_name(request)
        await in_thread(lambda: leases.release(session, owner))
        return {"ok": True}


def _add_edits(router: APIRouter, routes: SessionRoutes) -> None:
    @router.post("/{session}/prompts")
    @action("prompt")
    async def prompt(request: Request, session: str, body: PromptRequest) -> dict[str, Any]:
        """Mark voxels as inside or outside of an object; it becomes the active one."""
        return await routes.use(request, session, lambda page: page.prompt(body))

    @router.post("/{session}/undo")
    @action("prompt")
    async def undo(request: Request, session: str) -> dict[str, Any]:
        """Take the newest edit back, whichever object it was of."""
        return await routes.use(request, session, PageSession.undo)

    @router.post("/{session}/redo")
    @action("prompt")
    async def redo(request: Request, session: str) -> dict[str, Any]:
        """Redo the edit undone last."""
        return await routes.use(request, session, PageSession.redo)

    @router.post("/{session}/propagate")
    @action("prompt")
    async def propagate(request: Request, session: str, body: PropagateRequest) -> dict[str, Any]:
        """Carry an object's mask on the given slices to the others; one edit, with a confidence for each slice."""
        return await routes.use(request, session, lambda page: page.propagate(body))


def _add_objects(router: APIRouter, routes: SessionRoutes) -> None:
    @router.post("/{session}/objects")
    @action("prompt")
    async def add(request: Request, session: str, body: ObjectRequest) -> dict[str, Any]:
        """Begin another object; it becomes the active one."""

        def work(lease: Lease[PageSession]) -> dict[str, Any]:
            request.state.subject = lease.session.image_id
            routes.leases.reserve(lease, lease.session.mask_bytes)
            return lease.session.add_object(body.name)

        return await routes.leases.work(session, actor_name(request), work)

    @router.patch("/{session}/objects/{number}")
    @action("prompt")
    async def change(request: Request, session: str, number: int, body: ObjectChange) -> dict[str, Any]:
        """Rename an object, lock or open it, make it the active one."""
        return await routes.use(request, session, lambda page: page.change_object(number, body))


def _add_saving(router: APIRouter, routes: SessionRoutes) -> None:
    @router.post("/{session}/save")
    @action("save_label")
    async def save(request: Request, session: str, body: SaveRequest) -> dict[str, Any]:
        """Keep all objects as one label of the image, with their names; an earlier one becomes a version."""
        store, owner = routes.state.store, actor_name(request)

        def work(page: PageSession) -> dict[str, Any]:
            image, info, suffix = _image_of(routes.state, page).id, page.label_info(), SUFFIXES[body.format]
            store.save_label(image, body.tag, _label(routes.state, page, suffix), suffix, info, owner or "unknown")
            return {"image": image, "tag": body.tag} | info

        return await routes.use(request, session, work)

    @router.get("/{session}/label.nii.gz", response_class=Response, responses=answers(NIFTI))
    @action("prompt")
    async def nifti(request: Request, session: str) -> Response:
        """All objects as one label map, each with its number."""
        data = await routes.use(request, session, lambda page: _label(routes.state, page, ".nii.gz"))
        return _download(data, "label.nii.gz", NIFTI)

    @router.get("/{session}/label.seg.dcm", response_class=Response, responses=answers(DICOM))
    @action("prompt")
    async def dicom(request: Request, session: str) -> Response:
        """All objects that are not empty as a DICOM SEG of the series that the image is."""
        data = await routes.use(request, session, lambda page: _label(routes.state, page, ".seg.dcm"))
        return _download(data, "label.seg.dcm", DICOM)


def _image_of(state: AppState, page: PageSession) -> ImageEntry:
    """Return the image of a session; an InputError where its file holds another one by now."""
    image = state.store.image(page.image_id)
    if image.sha256 != page.sha256:
        raise InputError("the image has changed since the session began; download the label as NIfTI, and begin anew")
    return image


def _label(state: AppState, page: PageSession, suffix: Suffix) -> bytes:
    if suffix == ".seg.dcm":
        return segmentation_file(page.labels(), _image_of(state, page), page.assist.names)
    return volume_file(page.labels(), suffix)


def _download(data: bytes, name: str, kind: str) -> Response:
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _add_files(router: APIRouter, routes: SessionRoutes) -> None:
    @router.get("/{session}/image.nii", response_class=Response, responses=answers(NIFTI))
    @action("read_image")
    async def image(request: Request, session: str) -> Response:
        """The image as NIfTI, whatever its file is; its axes are those of the prompts."""
        data = await routes.use(request, session, lambda page: volume_file(page.volume, ".nii"))
        return Response(data, media_type=NIFTI)

    @router.get("/{session}/labels/{tag}", response_class=Response, responses=answers(NIFTI))
    @action("read_label")
    async def stored(request: Request, session: str, tag: str) -> Response:
        """A label of the image that is in the datastore, as NIfTI on the image's grid."""

        def work(page: PageSession) -> bytes:
            labels = read_label_file(routes.state.store.label_path(page.image_id, tag))
            if not labels.grid.is_same(page.volume.grid):
                raise GeometryError("the label lies on another grid than its image; save it on the image's grid")
            return volume_file(labels, ".nii")

        return Response(await routes.use(request, session, work), media_type=NIFTI)
