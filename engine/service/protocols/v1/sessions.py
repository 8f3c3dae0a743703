"""/api/v1/sessions: clicks, boxes and scribbles to masks over JSON, as the page asks.

A session belongs to who began it and ends when it is deleted or rests too long. Voxels and boxes are in the image's
stored axes, z, y, x; of a mask only what changed is sent: a box, and the bits in it.
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
from maskwright.engine.service.protocols.v1.events import (
    Adding,
    Asked,
    Body,
    Changing,
    ChangingOne,
    Prompting,
    Propagating,
    Redoing,
    Undoing,
    begun,
    done,
)
from maskwright.engine.service.protocols.v1.page_session import PageSession
from maskwright.engine.service.sessions.journal import SessionJournals
from maskwright.engine.service.sessions.leases import Lease, Pool
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import ImageEntry
from maskwright.engine.volume import Volume
from maskwright.errors import GeometryError, InputError

NIFTI, DICOM = "application/octet-stream", "application/dicom"

Suffix = Literal[".nii.gz", ".seg.dcm"]
SUFFIXES: dict[str, Suffix] = {"nifti": ".nii.gz", "dicom-seg": ".seg.dcm"}
"""Of the formats in which labels are saved."""

R = TypeVar("R")


class Beginning(Body):
    """The id of an image of the datastore."""

    image: str


class Saving(Body):
    """Under which tag the label is kept, and in which format; a DICOM SEG needs a DICOM series."""

    tag: str
    format: Literal["nifti", "dicom-seg"] = "nifti"


@dataclass(frozen=True, eq=False)
class SessionRoutes:
    """What the routes are about; without journals nothing is written down."""

    place: AppState
    pool: Pool[PageSession]
    journals: SessionJournals | None

    async def at_work(self, request: Request, session: str, work: Callable[[Lease[PageSession]], R]) -> R:
        """Return what some work on a session comes to, and note what the session holds afterwards."""

        def work_and_count(lease: Lease[PageSession]) -> R:
            request.state.subject = lease.session.image
            found = work(lease)
            lease.size_bytes = lease.session.size_bytes
            if self.journals is not None:
                self.journals.touch(session)
            return found

        return await self.pool.work(session, actor_name(request), work_and_count)

    async def do(self, request: Request, session: str, asked: Asked) -> dict[str, Any]:
        """Return the answer to what is asked; it is written down before that."""

        def work(lease: Lease[PageSession]) -> dict[str, Any]:
            if isinstance(asked, Adding):
                self.pool.hold(lease, lease.session.size_bytes + lease.session.mask_bytes)
            found = asked.carry_out(lease.session)
            if self.journals is not None:
                self.journals.note(session, lease.owner, done(asked))
            return found

        return await self.at_work(request, session, work)


def sessions_router(place: AppState, pool: Pool[PageSession], journals: SessionJournals | None = None) -> APIRouter:
    """Return the routes; with journals, what is done is written down."""
    router, desk = APIRouter(prefix="/api/v1/sessions", tags=["assist"]), SessionRoutes(place, pool, journals)
    _add_begin_and_end(router, desk)
    _add_edits(router, desk)
    _add_objects(router, desk)
    _add_saving(router, desk)
    _add_files(router, desk)
    return router


def _add_begin_and_end(router: APIRouter, desk: SessionRoutes) -> None:
    place, pool, journals = desk.place, desk.pool, desk.journals

    @router.post("")
    @action("read_image")
    async def begin(request: Request, asked: Beginning) -> dict[str, Any]:
        """Begin a session on an image; it has one empty object. `formats` are those in which it can be saved."""
        owner = actor_name(request)
        request.state.subject = asked.image

        def read() -> tuple[ImageEntry, str, Volume]:
            entry = place.store.image(asked.image)
            request.state.subject = entry.id
            sha256 = entry.sha256  # before the image is read: a change in the meantime is noticed
            return entry, sha256, place.open(entry)

        entry, sha256, volume = await run_in_worker(read)

        def work(lease: Lease[PageSession]) -> dict[str, Any]:
            lease.session.open(entry.id, sha256, volume)
            pool.hold(lease, lease.session.size_bytes)
            if journals is not None:
                journals.note(lease.token, owner, begun(entry.id, sha256))
            grid, formats = volume.grid, ["nifti", "dicom-seg"] if takes_segmentation(entry) else ["nifti"]
            found = {"session": lease.token, "shape": list(grid.shape), "spacing_mm": grid.spacing_mm}
            require_present()  # else the session would last for an hour, and nobody know its token
            return found | {"formats": formats} | lease.session.described()

        token = pool.claim(owner)
        try:
            return await pool.work(token, owner, work)
        except BaseException:
            pool.release(token, owner)
            raise

    @router.delete("/{session}")
    @action("read_image")
    async def end(request: Request, session: str) -> dict[str, bool]:
        """End a session; what is not saved is gone. One that has ended is no error."""
        owner = actor_name(request)

        await in_thread(lambda: pool.release(session, owner))
        return {"ok": True}


def _add_edits(router: APIRouter, desk: SessionRoutes) -> None:
    @router.post("/{session}/prompts")
    @action("prompt")
    async def prompt(request: Request, session: str, asked: Prompting) -> dict[str, Any]:
        """Say of an object what is inside or outside; it becomes the active one."""
        return await desk.do(request, session, asked)

    @router.post("/{session}/undo")
    @action("prompt")
    async def undo(request: Request, session: str) -> dict[str, Any]:
        """Take the newest edit back, whichever object it was of."""
        return await desk.do(request, session, Undoing())

    @router.post("/{session}/redo")
    @action("prompt")
    async def redo(request: Request, session: str) -> dict[str, Any]:
        """Do what was undone last again."""
        return await desk.do(request, session, Redoing())

    @router.post("/{session}/propagate")
    @action("prompt")
    async def propagate(request: Request, session: str, asked: Propagating) -> dict[str, Any]:
        """Carry an object's mask on the given slices to the others; one edit, with a confidence for each slice."""
        return await desk.do(request, session, asked)


def _add_objects(router: APIRouter, desk: SessionRoutes) -> None:
    @router.post("/{session}/objects")
    @action("prompt")
    async def add(request: Request, session: str, asked: Adding) -> dict[str, Any]:
        """Begin another object; it becomes the active one."""
        return await desk.do(request, session, asked)

    @router.patch("/{session}/objects/{number}")
    @action("prompt")
    async def change(request: Request, session: str, number: int, asked: Changing) -> dict[str, Any]:
        """Rename an object, lock or open it, make it the active one."""
        return await desk.do(request, session, ChangingOne(number=number, **asked.model_dump(exclude_unset=True)))


def _add_saving(router: APIRouter, desk: SessionRoutes) -> None:
    @router.post("/{session}/save")
    @action("save_label")
    async def save(request: Request, session: str, asked: Saving) -> dict[str, Any]:
        """Keep all objects as one label of the image, with their names; an earlier one becomes a version."""
        owner = actor_name(request)

        def work(lease: Lease[PageSession]) -> dict[str, Any]:
            image, info = _image_of(desk.place, lease.session).id, lease.session.label_info()
            suffix = SUFFIXES[asked.format]
            desk.place.store.save_label(image, asked.tag, _label(desk, lease, suffix), suffix, info, owner or "unknown")
            return {"image": image, "tag": asked.tag} | info

        return await desk.at_work(request, session, work)

    @router.get("/{session}/label.nii.gz", response_class=Response, responses=answers(NIFTI))
    @action("prompt")
    async def nifti(request: Request, session: str) -> Response:
        """All objects as one label map, each with its number."""
        data = await desk.at_work(request, session, lambda lease: _label(desk, lease, ".nii.gz"))
        return _download(data, "label.nii.gz", NIFTI)

    @router.get("/{session}/label.seg.dcm", response_class=Response, responses=answers(DICOM))
    @action("prompt")
    async def dicom(request: Request, session: str) -> Response:
        """All objects that are not empty as a DICOM SEG of the series that the image is."""
        data = await desk.at_work(request, session, lambda lease: _label(desk, lease, ".seg.dcm"))
        return _download(data, "label.seg.dcm", DICOM)


def _image_of(place: AppState, session: PageSession) -> ImageEntry:
    """Return the image that a session is about; an InputError where its file holds another one by now."""
    image = place.store.image(session.image)
    if image.sha256 != session.sha256:
        raise InputError("the image has changed since the session began; download the label as NIfTI, and begin anew")
    return image


def _label(desk: SessionRoutes, lease: Lease[PageSession], suffix: Suffix) -> bytes:
    session = lease.session
    if suffix == ".seg.dcm":
        return segmentation_file(session.labels(), _image_of(desk.place, session), session.names)
    return volume_file(session.labels(), suffix)


def _download(data: bytes, name: str, kind: str) -> Response:
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _add_files(router: APIRouter, desk: SessionRoutes) -> None:
    @router.get("/{session}/image.nii", response_class=Response, responses=answers(NIFTI))
    @action("read_image")
    async def image(request: Request, session: str) -> Response:
        """The image as NIfTI, whatever its file is; its axes are those of the prompts."""

        def work(lease: Lease[PageSession]) -> bytes:
            return volume_file(lease.session.volume, ".nii")

        return Response(await desk.at_work(request, session, work), media_type=NIFTI)

    @router.get("/{session}/labels/{tag}", response_class=Response, responses=answers(NIFTI))
    @action("read_label")
    async def stored(request: Request, session: str, tag: str) -> Response:
        """A label of the image that is in the datastore, as NIfTI on the image's grid."""

        def work(lease: Lease[PageSession]) -> bytes:
            path = desk.place.store.label_path(lease.session.image, tag)
            labels = read_label_file(path)
            if not labels.grid.is_same(lease.session.volume.grid):
                raise GeometryError("the label lies on another grid than its image; save it on the image's grid")
            return volume_file(labels, ".nii")

        return Response(await desk.at_work(request, session, work), media_type=NIFTI)
