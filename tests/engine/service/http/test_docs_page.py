"""The page of the API names every route there is, and loads nothing from anywhere."""

import re

import httpx
import pytest

from maskwright.engine.jobs.queue.queue import JobQueue
from maskwright.engine.service.app import labels_app
from maskwright.engine.service.http.openapi import docs_page, make_app
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.v1.page_session import PageSession
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from support.serving import make_leases, nninteractive_app, served


@pytest.fixture
def apps(tmp_path):
    with (
        Datastore.open(None, ephemeral=True) as store,
        JobQueue(tmp_path / "runs") as runs,
    ):
        pages = make_leases(PageSession)
        labels = labels_app(AppState.of(store), None, runs, ServiceMetrics(), pages)
        yield [labels, nninteractive_app(make_leases(), SharedImages())]


def test_every_route_is_named_and_nothing_is_loaded(apps):
    for app in apps:
        with served(app) as address:
            told = httpx.get(f"{address}/docs")
            document = httpx.get(f"{address}/openapi.json").json()
        assert told.status_code == 200
        assert "default-src 'none'" in told.headers["content-security-policy"]
        for path, methods in document["paths"].items():
            for method in methods:
                assert f"<code>{method.upper()} {path}</code>" in told.text
        assert not re.search(r"<(script|link|img|iframe)|url\(|https?://", told.text.split("<body>")[0])
        assert not re.search(r"<(script|link|img|iframe)", told.text)


def test_the_docs_page_escapes_text():
    app = make_app("<b>")

    @app.get("/a/{b}")
    def route(b: str) -> None:
        """<script>alert(1)</script>"""

    page = docs_page(app.openapi())
    assert "<b>" not in page
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "Parameters: <code>b</code> (path)" in page
