"""Routes of WADO-RS (PS3.18, 10.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from maskwright.engine.service.http.workers import in_thread
from maskwright.engine.service.protocols.dicomweb.frames import Frames
from maskwright.engine.service.protocols.dicomweb.metadata import listed, metadata_of
from maskwright.engine.service.protocols.dicomweb.multipart import Part, blocks_of, multipart
from maskwright.engine.service.protocols.dicomweb.route_types import JSON, PARTS, RECORDS, FrameList, Uid
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore, Instance
from maskwright.errors import NotFoundError

DICOM = "application/dicom"


def metadata_router(place: AppState) -> APIRouter:
    """Return the routes of headers."""
    router = APIRouter(default_response_class=Response)

    async def found(request: Request, study: str, series: str = "", instance: str = "") -> Response:
        def work() -> Iterator[bytes]:
            records = _headers(place.store, _asked_for(place.store, request, study, series, instance))
            first = next(records)  # what is wrong is said before the answer begins
            return listed(chain([first], records))

        return StreamingResponse(await in_thread(work), media_type=JSON)

    @router.get("/studies/{study}/metadata", responses=RECORDS)
    async def of_study(request: Request, study: Uid) -> Response:
        """Return the headers of a study's instances."""
        return await found(request, study)

    @router.get("/studies/{study}/series/{series}/metadata", responses=RECORDS)
    async def of_series(request: Request, study: Uid, series: Uid) -> Response:
        """Return the headers of a series' instances."""
        return await found(request, study, series)

    @router.get("/studies/{study}/series/{series}/instances/{instance}/metadata", responses=RECORDS)
    async def of_instance(request: Request, study: Uid, series: Uid, instance: Uid) -> Response:
        """Return the header of an instance."""
        return await found(request, study, series, instance)

    return router


def retrieve_router(place: AppState) -> APIRouter:
    """Return the routes of files and frames."""
    router = APIRouter(default_response_class=Response)

    async def found(request: Request, study: str, series: str = "", instance: str = "") -> Response:
        def work() -> Sequence[Instance]:
            asked = _asked_for(place.store, request, study, series, instance)
            for one in asked:  # what is gone is said before the answer begins
                place.store.dicom_path(one)
            return asked

        return multipart(_files(place.store, await in_thread(work)), DICOM)

    @router.get("/studies/{study}", responses=PARTS)
    async def study(request: Request, study: Uid) -> Response:
        """Return the files of a study."""
        return await found(request, study)

    @router.get("/studies/{study}/series/{series}", responses=PARTS)
    async def series(request: Request, study: Uid, series: Uid) -> Response:
        """Return the files of a series."""
        return await found(request, study, series)

    @router.get("/studies/{study}/series/{series}/instances/{instance}", responses=PARTS)
    async def instance(request: Request, study: Uid, series: Uid, instance: Uid) -> Response:
        """Return the file of an instance."""
        return await found(request, study, series, instance)

    @router.get("/studies/{study}/series/{series}/instances/{instance}/frames/{frames}", responses=PARTS)
    async def frames(request: Request, study: Uid, series: Uid, instance: Uid, frames: FrameList) -> Response:
        """Return frames of an instance as they lie in its file."""
        numbers = [int(number) for number in frames.split(",")]

        def work() -> Response:
            asked = _asked_for(place.store, request, study, series, instance)[0]
            found = Frames.of(place.store.dicom_path(asked), asked)
            found.require(numbers)
            sent = found.read(numbers)
            first = next(sent)  # what is wrong is said before the answer begins
            return multipart(((found.part_type, [data]) for data in chain([first], sent)), found.media_type)

        return await in_thread(work)

    return router


def _asked_for(store: Datastore, request: Request, study: str, series: str, instance: str) -> Sequence[Instance]:
    """Return the instances that an address names, at least one; where they are of one image, the audit log is told."""
    members = [store.dicom_series_of(series)] if series else store.dicom_series()
    members = [one for one in members if one.study == study]
    found = [i for one in members for i in one.instances if instance in ("", i.uid)]
    if len({one.image for one in members}) == 1:
        request.state.subject = members[0].image
    if not found:
        raise NotFoundError("no DICOM file has these UIDs: search for the instances there are")
    return found


def _headers(store: Datastore, instances: Sequence[Instance]) -> Iterator[bytes]:
    for instance in instances:
        yield metadata_of(store.dicom_path(instance), instance)


def _files(store: Datastore, instances: Sequence[Instance]) -> Iterator[Part]:
    for instance in instances:
        media_type = f"{DICOM}; transfer-syntax={instance.transfer_syntax}"
        yield media_type, blocks_of(store.dicom_path(instance))
