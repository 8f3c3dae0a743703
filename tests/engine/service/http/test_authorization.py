"""Nobody gets past the guard whom the policy does not let, and everything that happens is in the log."""

import json
import sqlite3

import httpx
import pytest
from fastapi import FastAPI

from maskwright.engine.audit import AuditLog, key_path_of, read_key, verify
from maskwright.engine.service.access import LOCAL, Policy, Tokens, new_token
from maskwright.engine.service.http.authorization import ROUTES, AuthorizationMiddleware, Authorizer, action_of
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive.app import nninteractive_app
from maskwright.engine.service.protocols.nninteractive.remote_session import RemoteSession
from maskwright.engine.service.server import _labels_app
from maskwright.engine.service.sessions.leases import LeaseLimits, Pool
from reference.serving import served

ROLES = ("viewer", "annotator", "reviewer", "admin")


@pytest.fixture
def secrets_of(tmp_path):
    """A token file with a token a role, one of another region and one that has run out; and their secrets."""
    from datetime import UTC, datetime

    tokens = {role: new_token(role, role, "eu") for role in ROLES}
    tokens["elsewhere"] = new_token("elsewhere", "admin", "us")
    tokens["late"] = new_token("late", "admin", "eu", datetime(2020, 1, 1, tzinfo=UTC))
    path = tmp_path / "tokens.toml"
    path.write_text("\n".join(token.entry for token in tokens.values()))
    path.chmod(0o600)
    return Tokens.read(path), {name: token.secret for name, token in tokens.items()}


def app_of_routes():
    """An app that answers every route with 200."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
    def anything(path: str) -> dict[str, str]:
        return {"path": path}

    return app


def authorizer(tokens, log=None, region="eu", anonymous=LOCAL):
    return Authorizer(Policy.read(), tokens, anonymous, region, log)


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


REQUESTS = [
    ("GET", "/info/", ROLES),
    ("GET", "/datastore/image?image=x", ROLES),
    ("GET", "/datastore/label?label=x", ROLES),
    ("POST", "/api/v1/compare", ROLES),
    ("POST", "/api/v1/qa", ROLES[2:]),
    ("GET", "/api/v1/qa", ROLES),
    ("GET", "/api/v1/qa/0123456789abcdef/report", ROLES),
    ("DELETE", "/api/v1/qa/x", ROLES[2:]),
    ("POST", "/api/v1/sessions", ROLES),
    ("POST", "/api/v1/sessions/x/prompts", ROLES[1:]),
    ("PATCH", "/api/v1/sessions/x/objects/1", ROLES[1:]),
    ("POST", "/api/v1/sessions/x/save", ROLES[1:]),
    ("GET", "/api/v1/sessions/x/image.nii", ROLES),
    ("GET", "/api/v1/sessions/x/label.seg.dcm", ROLES[1:]),
    ("DELETE", "/api/v1/sessions/x", ROLES),
    ("GET", "/proxy/dicom/qido/studies", ROLES),
    ("GET", "/metrics", ROLES[3:]),
    ("POST", "/infer/maskwright?image=x", ROLES[1:]),
    ("PUT", "/datastore/label?image=x", ROLES[1:]),
    ("PUT", "/session/", ROLES[1:]),
    ("POST", "/add_point_interaction", ROLES[1:]),
    ("POST", "/claim", ROLES[1:]),
]


def test_each_role_may_do_what_the_table_says_and_no_more(secrets_of):
    tokens, secret_of = secrets_of
    with served(AuthorizationMiddleware(app_of_routes(), authorizer(tokens), "test")) as address:
        for method, path, allowed in REQUESTS:
            for role in ROLES:
                found = httpx.request(method, address + path, headers=bearer(secret_of[role]))
                assert found.status_code == (200 if role in allowed else 403), (method, path, role)
            for name, status in (("elsewhere", 403), ("late", 401)):
                assert httpx.request(method, address + path, headers=bearer(secret_of[name])).status_code == status
            for headers in ({}, bearer("forged"), {"Authorization": f"Basic {secret_of['admin']}"}):
                found = httpx.request(method, address + path, headers=headers)
                assert found.status_code == 401
                assert found.headers["content-type"] == "application/problem+json"
        assert httpx.get(f"{address}/healthz").status_code == 200
        for path in (
            "/nothing",
            "/datastore/../secret",
            "/api/v1/unheard",
            "/api/v1/qa/x/run.json",
            "/api/v1/qa/x/y/report",
        ):
            assert httpx.get(address + path, headers=bearer(secret_of["admin"])).status_code == 404


def test_every_route_of_the_apps_stands_in_the_table():
    pool = Pool(RemoteSession, LeaseLimits())
    labels = _labels_app(None, None, None, ServiceMetrics(), pool)  # type: ignore[arg-type]
    for app in (labels, nninteractive_app(pool, SharedImages())):
        for path, methods in app.openapi()["paths"].items():
            for method in methods:
                known, _ = action_of(method.upper(), path.replace("{", "").replace("}", ""))
                assert known, (method, path)
    assert all(len(row) == 3 for row in ROUTES)


def test_what_happened_is_in_the_log_and_no_secret_or_name_is(secrets_of, tmp_path):
    tokens, secret_of = secrets_of
    path = tmp_path / "audit.db"
    with (
        AuditLog(path) as log,
        served(AuthorizationMiddleware(app_of_routes(), authorizer(tokens, log), "test")) as address,
    ):
        first = httpx.get(f"{address}/datastore/image?image=Doe-Jane", headers=bearer(secret_of["viewer"]))
        httpx.put(f"{address}/datastore/label?image=Doe-Jane", headers=bearer(secret_of["viewer"]))
        httpx.get(f"{address}/info/", headers=bearer("forged"))
        httpx.get(f"{address}/info/", headers=bearer(secret_of["late"]))
        httpx.get(f"{address}/healthz")
    with sqlite3.connect(path) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute("select * from events order by number")]
    found = [(row["actor"], row["action"], row["outcome"], json.loads(row["details"]).get("reason")) for row in rows]
    assert found == [
        ("viewer", "read_image", "allowed", None),
        ("viewer", "save_label", "refused", "not-in-policy"),
        ("unknown", "read_image", "refused", "unknown-token"),
        ("late", "read_image", "refused", "expired-token"),
    ]
    assert rows[0]["request_id"] == first.headers["x-request-id"]
    assert rows[0]["subject"] == rows[1]["subject"]
    written = b"".join(file.read_bytes() for file in tmp_path.glob("audit.db*"))
    assert b"Jane" not in written
    assert not any(secret.encode() in written for secret in secret_of.values())
    assert verify(path, read_key(key_path_of(path))).whole


def test_without_a_log_that_can_be_written_nothing_is_answered(tmp_path):
    log = AuditLog(tmp_path / "audit.db")
    with served(AuthorizationMiddleware(app_of_routes(), authorizer(None, log), "test")) as address:
        assert httpx.get(f"{address}/info/").status_code == 200
        log.close()
        found = httpx.get(f"{address}/info/")
        assert found.status_code == 503
        assert "path" not in found.json()
        assert "audit" in found.json()["detail"]


def test_a_page_of_another_site_cannot_use_a_server_without_tokens():
    with served(AuthorizationMiddleware(app_of_routes(), authorizer(None), "test")) as address:
        assert httpx.get(f"{address}/info/", headers={"Origin": "http://localhost:3000"}).status_code == 200
        odd = {"Origin": "http://[::1"}, {"Origin": "http://localhost:3000@evil.example"}
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, *odd):
            assert httpx.get(f"{address}/info/", headers=headers).status_code == 403


def test_a_method_that_is_none_is_refused_and_logged(tmp_path):
    with (
        AuditLog(tmp_path / "audit.db") as log,
        served(AuthorizationMiddleware(app_of_routes(), authorizer(None, log), "test")) as address,
    ):
        assert httpx.request("A~B", f"{address}/info/").status_code == 404
        assert log.rows == 1


def test_a_lease_of_one_token_is_nothing_to_another(secrets_of):
    tokens, secret_of = secrets_of
    app = nninteractive_app(Pool(RemoteSession, LeaseLimits()), SharedImages())
    with served(AuthorizationMiddleware(app, authorizer(tokens), "test")) as address:
        owner, thief = bearer(secret_of["annotator"]), bearer(secret_of["admin"])
        lease = {"X-Lease-Token": httpx.post(f"{address}/claim", headers=owner).json()["lease_token"]}
        assert httpx.post(f"{address}/undo", headers=thief | lease).status_code == 410
        httpx.post(f"{address}/release", headers=thief | lease)
        assert httpx.get(f"{address}/lease_status", headers=owner | lease).status_code == 200
