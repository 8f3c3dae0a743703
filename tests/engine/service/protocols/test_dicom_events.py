"""Whatever name an image is asked for by, the audit log is told its id, and no UID or patient."""

import io

import httpx
import numpy as np
import pytest

from maskwright.engine.jobs.queue.queue import JobQueue
from maskwright.engine.service.access import LOCAL, Policy
from maskwright.engine.service.app import allow_viewers, labels_app
from maskwright.engine.service.http.authorization import Authorizer
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.protocols.v1.page_session import page_leases
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from support.serving import protected, served


class Log:
    """Stands for the audit log: what it is told goes into a list."""

    def __init__(self, events):
        self._events = events

    def append(self, event, *, flush=True):
        if event.outcome != "begun":
            self._events.append(event)


@pytest.fixture
def guarded(tmp_path, write_series):
    """An address behind the guard, the one image it has, its slices, and the events so far."""
    slices = write_series(tmp_path / "data" / "ct", np.zeros((3, 8, 9), np.int16))
    events = []
    authorizer = Authorizer(Policy.read(), None, LOCAL, None, Log(events))
    with (
        Datastore.open(tmp_path / "data", ephemeral=True) as store,
        JobQueue(tmp_path / "runs") as runs,
    ):
        place = AppState.of(store)
        app = labels_app(place, None, runs, ServiceMetrics(), page_leases(place, None, 20))
        allow_viewers(protected(app, authorizer))
        with served(app) as address:
            yield address, store.images()[0].id, slices, events


def test_the_id_is_noted(guarded):
    address, image, slices, events = guarded
    study, series, uid = slices[0].StudyInstanceUID, slices[0].SeriesInstanceUID, slices[0].SOPInstanceUID
    wado, one = f"/proxy/dicom/wado/studies/{study}", f"/proxy/dicom/wado/studies/{study}/series/{series}"
    asked = [
        *(("GET", path) for path in (wado, f"{wado}/metadata", one, f"{one}/metadata", f"{one}/instances/{uid}")),
        *(("GET", f"{one}/instances/{uid}/{end}") for end in ("metadata", "frames/1")),
        ("GET", f"/proxy/dicom/qido/studies/{study}/series/{series}/instances"),
        ("GET", f"/datastore/image?image={series}"),
        ("GET", f"/datastore/label?label={series}"),
        ("POST", f"/infer/maskwright?image={series}"),
        ("POST", "/activelearning/next"),
        ("PUT", f"/datastore/label?image={series}"),
    ]
    for method, path in asked:
        files = {"label": ("label.bin", bytes(3 * 8 * 9))} if method == "PUT" else None
        answer = httpx.request(method, address + path, files=files, timeout=60)
        assert answer.status_code < 500, answer.text
    label = {"image": series, "tag": "final"}
    for path, json in (("sessions", {"image": series}), ("compare", {"reference": label, "prediction": label})):
        assert httpx.post(f"{address}/api/v1/{path}", json=json, timeout=60).status_code == 200
    assert [event.subject for event in events] == [image] * (len(asked) + 2)


def test_the_id_of_what_is_sent_in_is_noted(guarded):
    address, _, slices, events = guarded
    sent = io.BytesIO()
    slices[0].save_as(sent, enforce_file_format=True)
    file = ("a.dcm", sent.getvalue())
    kept = httpx.put(f"{address}/datastore/", files={"file": file}).json()["image"]
    visiting = httpx.put(f"{address}/session/", files={"files": file}).json()["session_id"]
    assert [event.subject for event in events] == [kept, visiting]


def test_the_page_opens_a_series_by_its_uid(guarded):
    address, _, slices, _ = guarded
    opened = httpx.post(f"{address}/api/v1/sessions", json={"image": slices[0].SeriesInstanceUID}, timeout=60)
    assert opened.status_code == 200, opened.text
    assert opened.json()["shape"] == [3, 8, 9]
    unknown = httpx.post(f"{address}/api/v1/sessions", json={"image": "1.2.3"})
    assert unknown.status_code == 404


def test_searches_are_about_no_image(guarded):
    address, _, slices, events = guarded
    for path in ("studies", "series", "instances", f"series?SeriesInstanceUID={slices[0].SeriesInstanceUID}"):
        assert httpx.get(f"{address}/proxy/dicom/qido/{path}").json()
    assert [event.subject for event in events] == [None] * 4
    assert {(event.action, event.outcome) for event in events} == {("read_image", "allowed")}


@pytest.mark.parametrize("headers", ["content-type", "authorization,content-type"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_a_viewer_of_another_port_may_ask(guarded, method, headers):
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    answer = httpx.options(f"{guarded[0]}/datastore/label", headers={"Origin": "http://localhost:3000"} | asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert method in answer.headers["access-control-allow-methods"]
    stranger = httpx.options(f"{guarded[0]}/datastore/label", headers={"Origin": "http://example.com"} | asked)
    assert stranger.status_code == 400


def test_a_viewer_of_another_port_is_told_of_a_refusal(guarded):
    answer = httpx.get(f"{guarded[0]}/nowhere", headers={"Origin": "http://localhost:3000"})
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
