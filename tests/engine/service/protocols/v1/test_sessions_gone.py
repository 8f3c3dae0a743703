"""A session of the page that nobody was told of does not stay."""

import threading
import time

import httpx
import numpy as np

import maskwright as mw
from maskwright.engine.service.app import labels_app
from maskwright.engine.service.budget.limits import Limits
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.http.timeouts import TimeoutMiddleware
from maskwright.engine.service.protocols.v1.page_session import PageSession, page_leases
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from support.serving import served


def test_session_of_a_timed_out_begin_is_released(tmp_path, monkeypatch):
    mw.write(Volume(np.zeros((4, 16, 16), np.float32), np.eye(4)), tmp_path / "a.nii.gz")
    store, open_session = Datastore.open(tmp_path), PageSession.open_image
    place = AppState.of(store, Limits(sessions=1))
    pages = page_leases(place, None, 1)
    may_open = threading.Event()

    def slow(self, *arguments):
        assert may_open.wait(20)
        open_session(self, *arguments)

    monkeypatch.setattr(PageSession, "open_image", slow)
    app = labels_app(place, None, None, ServiceMetrics(), pages)
    with served(TimeoutMiddleware(app, Limits(request_s=1), place.budget)) as address:
        url, asked = f"{address}/api/v1/sessions", {"image": store.images()[0].id}
        assert httpx.post(url, json=asked).status_code == 504
        may_open.set()
        deadline = time.monotonic() + 20
        while (begun := httpx.post(url, json=asked, timeout=60)).status_code != 200:
            assert time.monotonic() < deadline, begun.text
            time.sleep(0.05)
        assert pages.count == 1
