"""/api/v1/qa: the labels of two tags of the datastore compared, image by image, into a table and a report."""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import anyio
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from maskwright.engine.metrics.options import EmptyPolicy
from maskwright.engine.service.http.json_model import read_model
from maskwright.engine.service.http.openapi import body
from maskwright.engine.service.http.workers import in_thread
from maskwright.engine.service.qa_runs import Asked, QaRuns, Record
from maskwright.engine.service.state import AppState
from maskwright.errors import NotFoundError

LOOK_S = 0.1
"""How often it is looked whether something changed, and ..."""
WORD_S = 2.0
"""... how often it is told even so, that the line does not fall asleep."""
REMOVED = "the run was removed"

REPORT_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "X-Content-Type-Options": "nosniff",
}


class Asking(BaseModel):
    """Which tags are compared, and how."""

    model_config = ConfigDict(extra="forbid")
    reference_tag: str
    prediction_tag: str
    tolerance_mm: list[float] = Field(default=[2.0], min_length=1, max_length=8)
    convention: str = "metrics-reloaded"
    preset: str | None = None
    empty: EmptyPolicy = "infinite"


def qa_router(place: AppState, runs: QaRuns) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/qa", tags=["agreement"])

    @router.post("", status_code=202, openapi_extra=body(Asking))
    async def start(request: Request) -> dict[str, str]:
        """Begin to compare the labels of two tags; the body is JSON of `reference_tag`, `prediction_tag`, options."""
        asking = await read_model(request, Asking)
        asked = Asked(**{**asking.model_dump(), "tolerance_mm": tuple(asking.tolerance_mm)})
        run = await in_thread(lambda: runs.start(place.store, asked))
        request.state.subject = run
        return {"run": run}

    @router.get("")
    def list_runs() -> dict[str, Any]:
        """How far all runs are, by id."""
        return {"runs": {run: asdict(record) for run, record in runs.all().items()}}

    @router.get("/{run}")
    def status(request: Request, run: str) -> dict[str, Any]:
        """How far a run is."""
        request.state.subject = run
        return asdict(runs.record(run))

    @router.delete("/{run}")
    async def remove(request: Request, run: str) -> dict[str, str]:
        """Cancel a run that waits or goes on (`"was": "cancelled"`); remove one that has ended (`"was": "removed"`).

        A cancelled run's process has ended when this is answered. Its state stays `cancelled` until it is removed too.
        """
        request.state.subject = run
        return {"was": await in_thread(lambda: runs.remove(run))}

    @router.get("/{run}/events", response_class=StreamingResponse)
    async def events(request: Request, run: str) -> StreamingResponse:
        """How far a run is, each time that changes, as server-sent events until it ends."""
        request.state.subject = run
        await in_thread(lambda: runs.record(run))  # what is not there is a problem, not an event
        return StreamingResponse(
            _events(runs, run), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    @router.get("/{run}/report", response_class=Response)
    def report(request: Request, run: str) -> FileResponse:
        """The report of a run that is done, a page without scripts."""
        request.state.subject = run
        return FileResponse(runs.output(run, "report.html"), media_type="text/html", headers=REPORT_HEADERS)

    @router.get("/{run}/results", response_class=Response)
    def results(request: Request, run: str) -> FileResponse:
        """The table of a run that is done, as CSV."""
        request.state.subject = run
        return FileResponse(runs.output(run, "results.csv"), media_type="text/csv", filename=f"{run}.csv")

    return router


async def _events(runs: QaRuns, run: str) -> AsyncIterator[str]:
    said, at = Record("waiting", 0, 0, 0), -math.inf
    while True:
        record = await in_thread(partial(_record, runs, run, said))
        now = time.monotonic()
        if record != said or now - at >= WORD_S:
            said, at = record, now
            yield f"data: {json.dumps(asdict(record))}\n\n"
        if record.ended:
            return
        await anyio.sleep(LOOK_S)


def _record(runs: QaRuns, run: str, said: Record) -> Record:
    """Return how far a run is; one that was removed since ``said`` was told ends as cancelled."""
    try:
        return runs.record(run)
    except NotFoundError:
        return replace(said, state="cancelled", detail=REMOVED)
