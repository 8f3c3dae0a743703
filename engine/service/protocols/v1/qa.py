"""/api/v1/qa: the labels of two tags of the datastore compared, image by image, into a table and a report."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import anyio
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from maskwright.engine.jobs.queue.queue import JobQueue
from maskwright.engine.jobs.record import RunRecord
from maskwright.engine.service.http.routes import action
from maskwright.engine.service.http.workers import in_thread
from maskwright.engine.service.protocols.v1.compare_options import CompareOptionsBody
from maskwright.engine.service.protocols.v1.stored_labels_job import stored_labels_job
from maskwright.engine.service.state import AppState
from maskwright.errors import NotFoundError

POLL_S = 0.1
"""How often the event stream looks for a change."""
KEEPALIVE_S = 2.0
"""How often it sends an event even so, that no proxy closes it."""
REMOVED = "the run was removed"

REPORT_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "X-Content-Type-Options": "nosniff",
}


class QaRequest(CompareOptionsBody):
    """The two tags to compare, and the options."""

    reference_tag: str
    prediction_tag: str


def qa_router(state: AppState, runs: JobQueue) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/qa", tags=["agreement"])

    @router.post("", status_code=202)
    @action("run_qa")
    async def start(request: Request, params: QaRequest) -> dict[str, str]:
        """Start to compare the labels of two tags; the body is JSON of `reference_tag`, `prediction_tag`, options."""
        options = params.options()

        def start_run() -> str:
            tags = params.reference_tag, params.prediction_tag
            return runs.start(stored_labels_job(state.store, runs.folder, *tags, options))

        run = await in_thread(start_run)
        request.state.subject = run
        return {"run": run}

    @router.get("")
    @action("compare")
    def list_runs() -> dict[str, Any]:
        """How far all runs are, by id."""
        return {"runs": {run: asdict(record) for run, record in runs.all().items()}}

    @router.get("/{run}")
    @action("compare")
    def status(request: Request, run: str) -> dict[str, Any]:
        """How far a run is."""
        request.state.subject = run
        return asdict(runs.record(run))

    @router.delete("/{run}")
    @action("run_qa")
    async def remove(request: Request, run: str) -> dict[str, str]:
        """Cancel a run that waits or goes on (`"was": "cancelled"`); remove one that has ended (`"was": "removed"`).

        A cancelled run's process has ended when this is answered. Its state stays `cancelled` until it is removed too.
        """
        request.state.subject = run
        return {"was": await in_thread(lambda: runs.remove(run))}

    @router.get("/{run}/events", response_class=StreamingResponse)
    @action("compare", untimed=True)
    async def events(request: Request, run: str) -> StreamingResponse:
        """How far a run is, each time that changes, as server-sent events until it ends."""
        request.state.subject = run
        await in_thread(lambda: runs.record(run))  # an unknown run is a problem, not an event
        return StreamingResponse(
            _events(runs, run), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    @router.get("/{run}/report", response_class=Response)
    @action("compare", untimed=True)
    def report(request: Request, run: str) -> FileResponse:
        """The report of a run that is done, a page without scripts."""
        request.state.subject = run
        return FileResponse(runs.output(run, "report.html"), media_type="text/html", headers=REPORT_HEADERS)

    @router.get("/{run}/results", response_class=Response)
    @action("compare", untimed=True)
    def results(request: Request, run: str) -> FileResponse:
        """The table of a run that is done, as CSV."""
        request.state.subject = run
        return FileResponse(runs.output(run, "results.csv"), media_type="text/csv", filename=f"{run}.csv")

    return router


async def _events(runs: JobQueue, run: str) -> AsyncIterator[str]:
    last, sent_at = RunRecord("waiting"), -math.inf
    while True:
        record = await in_thread(partial(_record_after, runs, run, last))
        now = time.monotonic()
        if record != last or now - sent_at >= KEEPALIVE_S:
            last, sent_at = record, now
            yield f"data: {record.to_line()}\n\n"
        if record.ended:
            return
        await anyio.sleep(POLL_S)


def _record_after(runs: JobQueue, run: str, last: RunRecord) -> RunRecord:
    """Return how far a run is; one that was removed since the last event ends as cancelled."""
    try:
        return runs.record(run)
    except NotFoundError:
        return replace(last, state="cancelled", detail=REMOVED)
