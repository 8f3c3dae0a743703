"""DICOMweb's routes: ``/proxy/dicom/qido`` searches, ``/proxy/dicom/wado`` retrieves, both by UID.

OHIF's plugin expects MONAI Label's archive at these addresses. The ``Accept`` header is ignored: files and frames are
sent as they are stored, and each answer names its form. ``rendered`` is not offered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from maskwright.engine.service.http.routes import action
from maskwright.engine.service.http.workers import in_thread
from maskwright.engine.service.protocols.dicomweb.answers import blocks_of, json_array, metadata_of, multipart
from maskwright.engine.service.protocols.dicomweb.frames import Frames
from maskwright.engine.service.protocols.dicomweb.records import INSTANCES, SERIES, STUDIES, Level, Record
from maskwright.engine.service.protocols.dicomweb.search import SearchQuery, select
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore, Instance, Series
from maskwright.errors import NotFoundError

QIDO, WADO = "/proxy/dicom/qido", "/proxy/dicom/wado"
JSON, DICOM = "application/dicom+json", "application/dicom"
MOST_FRAMES = 64
"""The most frames that one request may name."""

_NUMBER = "[1-9][0-9]{0,6}"
Uid = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$")]
FrameList = Annotated[str, Path(pattern=f"^{_NUMBER}(,{_NUMBER}){{0,{MOST_FRAMES - 1}}}$", description="from 1")]
Page = Annotated[int, Query(ge=0, le=10**9)]

RECORDS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "done; an empty list where nothing fits",
        "content": {JSON: {"schema": {"type": "array", "items": {"type": "object"}}}},
    }
}
PARTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "done", "content": {"multipart/related": {"schema": {"type": "string", "format": "binary"}}}}
}


@dataclass(frozen=True)
class Address:
    """The UIDs in an address; "" stands for all."""

    study: str = ""
    series: str = ""
    instance: str = ""


def _everywhere() -> Address:
    return Address()


def _of_study(study: Uid) -> Address:
    return Address(study)


def _of_series(study: Uid, series: Uid) -> Address:
    return Address(study, series)


def _of_instance(study: Uid, series: Uid, instance: Uid) -> Address:
    return Address(study, series, instance)


_STUDY = "/studies/{study}"
_SERIES = f"{_STUDY}/series/{{series}}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"
ADDRESSES: dict[str, Any] = {
    "": Depends(_everywhere),
    _STUDY: Depends(_of_study),
    _SERIES: Depends(_of_series),
    _INSTANCE: Depends(_of_instance),
}
"""The address in each path; files are retrieved by all but the first, and their headers with ``/metadata``."""
SEARCHES: tuple[tuple[str, str, Level], ...] = (
    ("", "/studies", STUDIES),
    ("", "/series", SERIES),
    ("", "/instances", INSTANCES),
    (_STUDY, "/series", SERIES),
    (_STUDY, "/instances", INSTANCES),
    (_SERIES, "/instances", INSTANCES),
)
"""The addresses of searches: a path, its end, and the level of the records."""


def dicomweb_router(state: AppState) -> APIRouter:
    """Return all routes."""
    router = APIRouter(tags=["dicomweb"], default_response_class=Response)
    for path, end, level in SEARCHES:
        _add_search(router, state.store, path, end, level)
    for path in [*ADDRESSES][1:]:
        for root in (WADO, QIDO):  # some versions of OHIF ask for headers where they search
            _add_metadata(router, state.store, root, path)
        _add_files(router, state.store, path)
    _add_frames(router, state.store)
    return router


def _add_search(router: APIRouter, store: Datastore, path: str, end: str, level: Level) -> None:
    @router.get(f"{QIDO}{path}{end}", responses=RECORDS)
    @action("read_image")
    async def search(
        request: Request,
        at: Address = ADDRESSES[path],
        limit: Page | None = None,
        offset: Page = 0,
        # Any attribute of a level may be asked for; these are named so that the document shows them.
        study_uid: Annotated[str, Query(alias="StudyInstanceUID", max_length=4096)] = "",
        series_uid: Annotated[str, Query(alias="SeriesInstanceUID", max_length=4096)] = "",
        modality: Annotated[str, Query(alias="Modality", max_length=4096)] = "",
        patient: Annotated[str, Query(alias="PatientID", max_length=4096)] = "",
    ) -> Response:
        """Search for studies, series or instances."""
        query = SearchQuery.parse(request.query_params.multi_items(), level)

        def work() -> tuple[list[Record], bool]:
            found = [one for one in store.dicom_series() if at.study in ("", one.study) and at.series in ("", one.uid)]
            if at.series:
                _note_subject(request, found)
            return select(level.records(found, WADO), query, limit, offset)

        records, more = await in_thread(work)
        return Response(json.dumps(records), media_type=JSON, headers=query.warnings(more))


def _add_metadata(router: APIRouter, store: Datastore, root: str, path: str) -> None:
    @router.get(f"{root}{path}/metadata", responses=RECORDS)
    @action("read_image")
    async def metadata(request: Request, at: Address = ADDRESSES[path]) -> Response:
        """Return the headers of instances."""

        def work() -> Iterator[bytes]:
            headers = (metadata_of(store.dicom_path(one), one) for one in _instances(store, request, at))
            return json_array(_started(headers))

        return StreamingResponse(await in_thread(work), media_type=JSON)


def _add_files(router: APIRouter, store: Datastore, path: str) -> None:
    @router.get(f"{WADO}{path}", responses=PARTS)
    @action("read_image")
    async def files(request: Request, at: Address = ADDRESSES[path]) -> Response:
        """Return the files of instances."""

        def work() -> Sequence[Instance]:
            instances = _instances(store, request, at)
            for one in instances:  # an error after the first part could not be answered any more
                store.dicom_path(one)
            return instances

        instances = await in_thread(work)
        return multipart(
            (
                (f"{DICOM}; transfer-syntax={one.transfer_syntax}", blocks_of(store.dicom_path(one)))
                for one in instances
            ),
            DICOM,
        )


def _add_frames(router: APIRouter, store: Datastore) -> None:
    @router.get(f"{WADO}{_INSTANCE}/frames/{{frames}}", responses=PARTS)
    @action("read_image")
    async def frames(request: Request, frames: FrameList, at: Address = ADDRESSES[_INSTANCE]) -> Response:
        """Return frames of an instance as they lie in its file."""
        numbers = [int(number) for number in frames.split(",")]

        def work() -> Response:
            instance = _instances(store, request, at)[0]
            stored = Frames.of(store.dicom_path(instance), instance)
            stored.require(numbers)
            first, *others = [stored.blocks(number) for number in numbers]
            return multipart(((stored.part_type, one) for one in [_started(first), *others]), stored.media_type)

        return await in_thread(work)


def _instances(store: Datastore, request: Request, at: Address) -> Sequence[Instance]:
    """Return the instances at an address, at least one."""
    members = [store.dicom_series_of(at.series)] if at.series else store.dicom_series()
    members = [one for one in members if one.study == at.study]
    _note_subject(request, members)
    instances = [each for one in members for each in one.instances if at.instance in ("", each.uid)]
    if not instances:
        raise NotFoundError("no DICOM file has these UIDs: search for the instances there are")
    return instances


def _note_subject(request: Request, series: Sequence[Series]) -> None:
    """Name the image in the audit log where all series are of one."""
    if len({one.image for one in series}) == 1:
        request.state.subject = series[0].image


def _started(items: Iterator[bytes]) -> Iterator[bytes]:
    """Make the first item now: what is wrong with it can still be answered as a problem."""
    return chain([next(items)], items)
