"""Routes of QIDO-RS (PS3.18, 10.6)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from maskwright.engine.service.http.workers import in_thread
from maskwright.engine.service.protocols.dicomweb.levels import INSTANCES, ONE_SERIES, STUDIES, Level, Record
from maskwright.engine.service.protocols.dicomweb.route_types import JSON, RECORDS, Uid
from maskwright.engine.service.protocols.dicomweb.search import Asked, page_of
from maskwright.engine.service.state import AppState


@dataclass(frozen=True)
class _Page:
    limit: int | None
    offset: int


def _filter(name: str) -> Any:
    return Query(alias=name, max_length=4096)


def _page(
    limit: Annotated[int | None, Query(ge=0, le=10**9)] = None,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    # Any attribute of a level may be asked for; these are named so that the document shows them.
    study_uid: Annotated[str, _filter("StudyInstanceUID")] = "",
    series_uid: Annotated[str, _filter("SeriesInstanceUID")] = "",
    modality: Annotated[str, _filter("Modality")] = "",
    patient: Annotated[str, _filter("PatientID")] = "",
) -> _Page:
    return _Page(limit, offset)


Page = Annotated[_Page, Depends(_page)]


def search_router(place: AppState, root: str) -> APIRouter:
    """Return the routes; ``root`` is the address of WADO-RS."""
    router = APIRouter(default_response_class=Response)

    async def found(request: Request, level: Level, page: _Page, study: str = "", series: str = "") -> Response:
        asked = Asked.of(request.query_params.multi_items(), level)

        def work() -> tuple[list[Record], bool]:
            all_series = [s for s in place.store.dicom_series() if study in ("", s.study) and series in ("", s.uid)]
            if series and all_series:
                request.state.subject = all_series[0].image
            return page_of(level.records(all_series, root), asked, page.limit, page.offset)

        records, more = await in_thread(work)
        return Response(json.dumps(records), media_type=JSON, headers=_warnings(request, asked, more))

    @router.get("/studies", responses=RECORDS)
    async def studies(request: Request, page: Page) -> Response:
        """Search for studies."""
        return await found(request, STUDIES, page)

    @router.get("/studies/{study}/series", responses=RECORDS)
    async def series_of_study(request: Request, study: Uid, page: Page) -> Response:
        """Search for series of a study."""
        return await found(request, ONE_SERIES, page, study)

    @router.get("/studies/{study}/instances", responses=RECORDS)
    async def instances_of_study(request: Request, study: Uid, page: Page) -> Response:
        """Search for instances of a study."""
        return await found(request, INSTANCES, page, study)

    @router.get("/studies/{study}/series/{series}/instances", responses=RECORDS)
    async def instances_of_series(request: Request, study: Uid, series: Uid, page: Page) -> Response:
        """Search for instances of a series."""
        return await found(request, INSTANCES, page, study, series)

    @router.get("/series", responses=RECORDS)
    async def all_series(request: Request, page: Page) -> Response:
        """Search for series."""
        return await found(request, ONE_SERIES, page)

    @router.get("/instances", responses=RECORDS)
    async def all_instances(request: Request, page: Page) -> Response:
        """Search for instances."""
        return await found(request, INSTANCES, page)

    return router


def _warnings(request: Request, asked: Asked, more: bool) -> dict[str, str]:
    """Return what the standard wants said of an answer that is not all that was asked for."""
    texts = ["there are more results; ask with offset"] if more else []
    if asked.ignored:
        texts.append(f"{len(asked.ignored)} parameters are not supported and were not looked at")
    if request.query_params.get("fuzzymatching", "").lower() == "true":
        texts.append("the fuzzymatching parameter is not supported; only literal matching has been performed")
    return {"Warning": ", ".join(f'299 maskwright "{text}"' for text in texts)} if texts else {}
