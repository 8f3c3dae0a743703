"""Errors are problems with the title of their status, wherever they are raised."""

import errno

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from maskwright import errors
from maskwright.engine.service.http.openapi import make_app


class Body(BaseModel):
    count: int


@pytest.fixture
def client():
    app = make_app("test")

    @app.post("/{name}")
    def fail(name: str, body: Body) -> None:
        if name == "full":
            raise OSError(errno.ENOSPC, "No space left on device", "/patients/Doe")
        raise getattr(errors, name)("what to do")

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("name", "status", "title"),
    [
        ("LimitError", 413, "Content too large"),
        ("NotFoundError", 404, "Not found"),
        ("GoneError", 410, "Gone"),
        ("StorageError", 507, "Insufficient storage"),
        ("CapacityError", 503, "Service unavailable"),
        ("PromptError", 422, "Unprocessable content"),
        ("FileFormatError", 422, "Unprocessable content"),
        ("AuditError", 500, "Internal server error"),
    ],
)
def test_an_error_is_a_problem_of_its_status(client, name, status, title):
    answer = client.post(f"/{name}", json={"count": 1})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {"type": "about:blank", "title": title, "status": status, "detail": "what to do"}
    assert ("retry-after" in answer.headers) == (status == 503)


def test_a_full_disk_names_no_file(client):
    answer = client.post("/full", json={"count": 1})
    assert (answer.status_code, answer.json()["title"]) == (507, "Insufficient storage")
    assert "Doe" not in answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"count": "x"}', b"\xff", b"[" * 100_000])
def test_a_malformed_body_is_refused_in_one_line(client, body):
    answer = client.post("/LimitError", content=body)  # without a Content-Type, as QuPath sends it
    assert answer.status_code == 422, answer.text
    assert "body" in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
