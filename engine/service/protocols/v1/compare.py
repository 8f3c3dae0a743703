"""POST /api/v1/compare: two masks, sent or stored, to agreement numbers."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import UploadFile

from maskwright.engine.service.http.bodies import parse_model, read_form
from maskwright.engine.service.http.openapi import answers, body
from maskwright.engine.service.http.routes import action
from maskwright.engine.service.http.workers import run_in_worker
from maskwright.engine.service.images.files import read_label_file, read_uploaded_labels
from maskwright.engine.service.protocols.v1.compare_options import CompareOptionsBody
from maskwright.engine.service.state import AppState
from maskwright.engine.volume import LabelMap
from maskwright.errors import InputError


class StoredLabel(BaseModel):
    """A label in the datastore."""

    model_config = ConfigDict(extra="forbid")
    image: str
    tag: str


class CompareRequest(CompareOptionsBody):
    """The stored labels to compare, unless files are sent, and the options."""

    reference: StoredLabel | None = None
    prediction: StoredLabel | None = None


def compare_router(state: AppState) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1", tags=["agreement"])

    @router.post(
        "/compare",
        response_class=Response,
        responses=answers("application/json"),
        openapi_extra=body(CompareRequest, ["reference", "prediction"]),
    )
    @action("compare", large=True)
    async def compare_masks(request: Request) -> Response:
        """Compare `reference` with `prediction`: files of a form, or stored labels named in JSON.

        The answer is what `maskwright compare --format json` prints.
        """
        fields, files = await read_form(request)
        params = parse_model(CompareRequest, fields, "params")
        options = params.options()

        def work() -> str:
            named = [stored.image for stored in (params.reference, params.prediction) if stored is not None]
            if named:  # the audit log names the image of the reference
                request.state.subject = state.store.image(named[0]).id
            from maskwright.engine.metrics.compare import compare  # takes half a second, which no start waits for

            reference = _labels(state, "reference", params.reference, files)
            prediction = _labels(state, "prediction", params.prediction, files)
            return compare(reference, prediction, options=options).to_json()

        return Response(await run_in_worker(work), media_type="application/json")

    return router


def _labels(state: AppState, name: str, stored: StoredLabel | None, files: Mapping[str, UploadFile]) -> LabelMap:
    if name in files:
        return read_uploaded_labels(files[name])
    if stored is None:
        raise InputError(f"no {name}: send a file of this name in a form, or an image and a tag in JSON")
    return read_label_file(state.store.label_path(stored.image, stored.tag))
