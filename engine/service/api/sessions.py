"""/api/v1/sessions: clicks, boxes and scribbles to masks over JSON, as the page asks.

A session belongs to who began it and ends when it is deleted or rests too long. Voxels and boxes are in the image's
stored axes, z, y, x; of a mask only what changed is sent: a box, and the bits in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from maskwright.engine.io import at_most, read_labels
from maskwright.engine.service.computing import computed
from maskwright.engine.service.json_model import read_model
from maskwright.engine.service.open_volumes import UNPACKED_BYTES
from maskwright.engine.service.openapi import answers, body
from maskwright.engine.service.page_session import PageSession, Saying
from maskwright.engine.service.pool import Lease, Pool, PoolLimits
from maskwright.engine.service.unnamed import unnamed
from maskwright.engine.service.volume_file import volume_file
from maskwright.engine.service.workplace import Workplace
from maskwright.kernels.errors import GeometryError

PAGE_LIMITS = PoolLimits(idle_s=3600.0, silent_s=3600.0)
"""A page gives no sign of life but what is done in it."""
NIFTI = "application/octet-stream"

R = TypeVar("R")
Whole = Annotated[int, Field(ge=0, lt=1 << 31)]
Voxel = Annotated[list[Whole], Field(min_length=2, max_length=3)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Beginning(_Body):
    """The id of an image of the datastore."""

    image: str


class Prompting(_Body):
    """A point has `index`; a box `lower` and `upper`, half-open; a scribble `voxels`."""

    object: Whole
    kind: Literal["point", "box", "scribble"]
    positive: bool = True
    index: Voxel | None = None
    lower: Voxel | None = None
    upper: Voxel | None = None
    voxels: Annotated[list[Voxel], Field(min_length=1, max_length=100_000)] | None = None


class Adding(_Body):
    """The name of a new object."""

    name: Name


class Changing(_Body):
    """What is to be changed of an object; what is left out stays."""

    name: Name | None = None
    locked: bool | None = None
    active: Literal[True] | None = None


class Propagating(_Body):
    """Which slices are given, along which axis, and the half-open range of those that are filled."""

    object: Whole
    axis: Annotated[int, Field(ge=0, le=2)]
    given: Annotated[list[Whole], Field(min_length=1, max_length=10_000)]
    start: Annotated[Whole | None, Field(alias="from")] = None
    stop: Annotated[Whole | None, Field(alias="to")] = None


class Saving(_Body):
    """Under which tag the label is kept."""

    tag: str


def sessions_router(place: Workplace, pool: Pool[PageSession]) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/sessions", tags=["assist"])
    _add_begin_and_end(router, place, pool)
    _add_edits(router, pool)
    _add_objects(router, pool)
    _add_files(router, place, pool)
    return router


def _add_begin_and_end(router: APIRouter, place: Workplace, pool: Pool[PageSession]) -> None:
    @router.post("", openapi_extra=body(Beginning))
    async def begin(request: Request) -> dict[str, Any]:
        """Begin a session on an image; it has one empty object."""
        asked, owner = await read_model(request, Beginning), _owner(request)
        request.state.subject = asked.image

        def work() -> dict[str, Any]:
            volume = place.open(place.store.image(asked.image))
            token = pool.claim(owner)
            try:
                with pool.at_work(token, owner) as lease:
                    lease.session.open(asked.image, volume)
                    pool.hold(lease, lease.session.size_bytes)
                    grid = volume.grid
                    found = {"session": token, "shape": list(grid.shape), "spacing_mm": grid.spacing_mm}
                    return found | lease.session.described()
            except Exception:
                pool.release(token, owner)
                raise

        return await computed(work)

    @router.delete("/{session}")
    async def end(request: Request, session: str) -> dict[str, bool]:
        """End a session; what is not saved is gone. One that has ended is no error."""
        owner = _owner(request)
        await computed(lambda: pool.release(session, owner))
        return {"ok": True}


def _add_edits(router: APIRouter, pool: Pool[PageSession]) -> None:
    @router.post("/{session}/prompts", openapi_extra=body(Prompting))
    async def prompt(request: Request, session: str) -> dict[str, Any]:
        """Say of an object what is inside or outside; it becomes the active one."""
        asked = await read_model(request, Prompting)
        saying = Saying(asked.kind, asked.positive, asked.index, asked.lower, asked.upper, asked.voxels)
        return await _at_work(request, pool, session, lambda lease: lease.session.say(asked.object, saying))

    @router.post("/{session}/undo")
    async def undo(request: Request, session: str) -> dict[str, Any]:
        """Take the newest edit back, whichever object it was of."""
        return await _at_work(request, pool, session, lambda lease: lease.session.undo())

    @router.post("/{session}/redo")
    async def redo(request: Request, session: str) -> dict[str, Any]:
        """Do what was undone last again."""
        return await _at_work(request, pool, session, lambda lease: lease.session.redo())

    @router.post("/{session}/propagate", openapi_extra=body(Propagating))
    async def propagate(request: Request, session: str) -> dict[str, Any]:
        """Carry an object's mask on the given slices to the others; one edit, with a confidence for each slice."""
        asked = await read_model(request, Propagating)

        def work(lease: Lease[PageSession]) -> dict[str, Any]:
            return lease.session.propagate(asked.object, asked.axis, asked.given, asked.start, asked.stop)

        return await _at_work(request, pool, session, work)


def _add_objects(router: APIRouter, pool: Pool[PageSession]) -> None:
    @router.post("/{session}/objects", openapi_extra=body(Adding))
    async def add(request: Request, session: str) -> dict[str, Any]:
        """Begin another object; it becomes the active one."""
        asked = await read_model(request, Adding)

        def work(lease: Lease[PageSession]) -> dict[str, Any]:
            pool.hold(lease, lease.session.size_bytes + lease.session.mask_bytes)
            number = lease.session.add_object(asked.name)
            return {"object": number} | lease.session.described()

        return await _at_work(request, pool, session, work)

    @router.patch("/{session}/objects/{number}", openapi_extra=body(Changing))
    async def change(request: Request, session: str, number: int) -> dict[str, Any]:
        """Rename an object, lock or open it, make it the active one."""
        asked = await read_model(request, Changing)

        def work(lease: Lease[PageSession]) -> dict[str, Any]:
            lease.session.change_object(number, asked.name, asked.locked, asked.active is True)
            return lease.session.described()

        return await _at_work(request, pool, session, work)


def _add_files(router: APIRouter, place: Workplace, pool: Pool[PageSession]) -> None:
    @router.post("/{session}/save", openapi_extra=body(Saving))
    async def save(request: Request, session: str) -> dict[str, Any]:
        """Keep all objects as one label of the image, with their names; an earlier one becomes a version."""
        asked, owner = await read_model(request, Saving), _owner(request)

        def work(lease: Lease[PageSession]) -> dict[str, Any]:
            data, info = volume_file(lease.session.labels(), ".nii.gz"), lease.session.label_info()
            place.store.save_label(lease.session.image, asked.tag, data, ".nii.gz", info, owner or "unknown")
            return {"image": lease.session.image, "tag": asked.tag} | info

        return await _at_work(request, pool, session, work)

    @router.get("/{session}/label.nii.gz", response_class=Response, responses=answers(NIFTI))
    async def label(request: Request, session: str) -> Response:
        """All objects as one label map, each with its number."""

        def work(lease: Lease[PageSession]) -> bytes:
            return volume_file(lease.session.labels(), ".nii.gz")

        data = await _at_work(request, pool, session, work)
        return Response(data, media_type=NIFTI, headers={"Content-Disposition": 'attachment; filename="label.nii.gz"'})

    @router.get("/{session}/image.nii", response_class=Response, responses=answers(NIFTI))
    async def image(request: Request, session: str) -> Response:
        """The image as NIfTI, whatever its file is; its axes are those of the prompts."""

        def work(lease: Lease[PageSession]) -> bytes:
            return volume_file(lease.session.volume, ".nii")

        return Response(await _at_work(request, pool, session, work), media_type=NIFTI)

    @router.get("/{session}/labels/{tag}", response_class=Response, responses=answers(NIFTI))
    async def stored(request: Request, session: str, tag: str) -> Response:
        """A label of the image that is in the datastore, as NIfTI on the image's grid."""

        def work(lease: Lease[PageSession]) -> bytes:
            path = place.store.label_path(lease.session.image, tag)
            with unnamed(path, "the label"), at_most(UNPACKED_BYTES):
                labels = read_labels(path)
            if not labels.grid.is_same(lease.session.volume.grid):
                raise GeometryError("the label lies on another grid than its image; save it on the image's grid")
            return volume_file(labels, ".nii")

        return Response(await _at_work(request, pool, session, work), media_type=NIFTI)


async def _at_work(
    request: Request, pool: Pool[PageSession], session: str, work: Callable[[Lease[PageSession]], R]
) -> R:
    """Return what some work on a session comes to, and note what the session holds afterwards."""
    owner = _owner(request)

    def hold_and_work() -> R:
        with pool.at_work(session, owner) as lease:
            request.state.subject = lease.session.image
            found = work(lease)
            lease.size_bytes = lease.session.size_bytes
            return found

    return await computed(hold_and_work)


def _owner(request: Request) -> str:
    """Return the name that the guard found, "" where there is none."""
    return str(getattr(request.state, "actor", ""))
