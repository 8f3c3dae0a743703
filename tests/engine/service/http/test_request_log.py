"""One JSON line a request, with its id and without anything that could be about a patient; nobody waits for it."""

import contextlib
import io
import json
import logging
import os
import time

import httpx
import pytest

from maskwright.engine.service.access import LOCAL, Policy
from maskwright.engine.service.http.authorization import Authorizer
from maskwright.engine.service.http.openapi import make_app
from maskwright.engine.service.http.request_log import LOG, JsonLine, logging_to
from maskwright.engine.service.http.routes import OPEN, action
from maskwright.errors import CapacityError
from support.serving import protected, served


def app():
    app = make_app("test")

    @app.get("/session/{session_id}")
    @action("prompt")
    def session(session_id: str) -> dict[str, str]:
        return {"session_id": session_id}

    @app.get("/healthz")
    @action(OPEN, quiet=True)
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/info/")
    @action("read_image")
    def full() -> None:
        raise CapacityError("no room")

    @app.get("/train/")
    @action("read_image")
    def broken() -> None:
        raise ValueError("Doe, Jane")

    authorizer = Authorizer(Policy.read(), None, LOCAL, None, None)
    return protected(app, authorizer)


@pytest.fixture
def logged():
    """What is logged from now on, as objects, once that is all."""
    stream = io.StringIO()
    level = LOG.level
    with logging_to(stream):
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    LOG.setLevel(level)


def until_there_are(logged, count):
    deadline = time.monotonic() + 5
    while len(logged()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return logged()


def test_a_line_names_request_actor_and_status_and_no_more(logged):
    with served(app()) as address:
        answers = [
            httpx.get(f"{address}/session/Doe-Jane?token=hush", headers={"X-Request-Id": "their-1"}),
            httpx.get(f"{address}/healthz"),
            httpx.get(f"{address}/info/", headers={"X-Request-Id": "Doe Jane", "Authorization": "Bearer hush"}),
            httpx.get(f"{address}/Doe/Jane"),
        ]
        lines = until_there_are(logged, 3)
    assert [(line["level"], line["status"], line["route"]) for line in lines] == [
        ("info", 200, "/session/{session_id}"),
        ("warning", 503, "/info/"),
        ("info", 404, "unknown"),
    ]
    first = lines[0]
    assert (first["method"], first["protocol"], first["actor"]) == ("GET", "monailabel", "local")
    assert first["duration_ms"] >= 0
    assert first["time"].endswith("+00:00")
    assert [line["request_id"] for line in lines] == [
        answer.headers["x-request-id"] for answer in answers if answer.status_code != 200 or "session" in answer.text
    ]
    assert [line.get("client_request_id") for line in lines] == ["their-1", None, None]
    assert "Doe" not in json.dumps(lines)
    assert "hush" not in json.dumps(lines)


def test_a_failure_is_logged_with_its_type_and_our_lines(logged):
    with served(app()) as address:
        httpx.get(f"{address}/train/")
        lines = until_there_are(logged, 2)
    request, failure = sorted(lines, key=lambda line: line["event"], reverse=True)
    assert (request["status"], request["level"]) == (500, "error")
    assert (failure["event"], failure["error"], failure["level"]) == ("failed", "ValueError", "error")
    assert failure["request_id"] == request["request_id"]
    assert any(line.startswith("maskwright.engine.service.http.timeouts:") for line in failure["trace"])
    assert "Doe" not in json.dumps(lines)
    assert "/" not in "".join(failure["trace"])


@pytest.mark.parametrize(
    ("name", "event"), [("pydicom", "a message of a library"), ("uvicorn.error", "Invalid request %s")]
)
def test_messages_of_libraries_are_logged_without_their_data(name, event):
    record = logging.LogRecord(name, logging.ERROR, "", 0, "Invalid request %s", ("Doe, Jane",), None)
    line = json.loads(JsonLine().format(record))
    assert (line["logger"], line["event"]) == (name, event)
    assert "Doe" not in json.dumps(line)


def test_an_unread_log_drops_lines_and_counts_them(monkeypatch):
    monkeypatch.setattr("maskwright.engine.service.http.request_log.MOST_WAITING", 3)
    monkeypatch.setattr("maskwright.engine.service.http.request_log.END_S", 0.1)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    read, level = b"", LOG.level
    with open(writing, "w", buffering=1) as stream:  # noqa: PTH123
        with logging_to(stream):
            for _ in range(30):
                LOG.info("x" * 10_000)
                time.sleep(0.005)
            deadline = time.monotonic() + 5
            while b"dropped_before" not in read:
                assert time.monotonic() < deadline
                with contextlib.suppress(BlockingIOError):
                    read += os.read(reading, 1 << 16)
                LOG.info("now")
                time.sleep(0.01)
            for _ in range(30):
                LOG.info("x" * 10_000)
            start = time.monotonic()
        assert time.monotonic() - start < 1
        with contextlib.suppress(BlockingIOError):
            while os.read(reading, 1 << 16):
                time.sleep(0.01)
    os.close(reading)
    LOG.setLevel(level)
    line = next(json.loads(line) for line in read.splitlines() if b"dropped_before" in line)
    assert line["dropped_before"] >= 10
