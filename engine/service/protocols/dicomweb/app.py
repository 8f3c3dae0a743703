"""The routes of DICOMweb: ``/proxy/dicom/qido`` searches, ``/proxy/dicom/wado`` retrieves. All is found by UID.

These are the addresses at which OHIF's plugin expects the archive of MONAI Label. What an ``Accept`` header asks for
is not looked at: what lies in the files is sent as it is, and says so. ``rendered`` is not offered.
"""

from __future__ import annotations

from fastapi import APIRouter

from maskwright.engine.service.protocols.dicomweb.retrieving import metadata_router, retrieve_router
from maskwright.engine.service.protocols.dicomweb.searching import search_router
from maskwright.engine.service.state import AppState

QIDO, WADO = "/proxy/dicom/qido", "/proxy/dicom/wado"


def dicomweb_router(place: AppState) -> APIRouter:
    """Return all routes."""
    router = APIRouter(tags=["dicomweb"])
    router.include_router(search_router(place, WADO), prefix=QIDO)
    router.include_router(metadata_router(place), prefix=WADO)
    router.include_router(metadata_router(place), prefix=QIDO)  # where some versions of OHIF ask for it
    router.include_router(retrieve_router(place), prefix=WADO)
    return router
