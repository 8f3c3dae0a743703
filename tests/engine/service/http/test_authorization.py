"""Authorization: no request passes without its action allowed, and every one is in the log."""

import asyncio
import json
import socket
import sqlite3
from functools import cache

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles

from maskwright.engine.audit import AuditLog, key_path_of, read_key, verify
from maskwright.engine.service.access import LOCAL, Policy, Tokens, new_token
from maskwright.engine.service.app import Settings, create_app
from maskwright.engine.service.http.authorization import AuthorizationMiddleware, Authorizer
from maskwright.engine.service.http.routes import action, route_rules
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.errors import ConfigError
from support.serving import make_leases, nninteractive_app, protected, served

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


@cache
def rules_of_apps():
    """The authorization table of both apps."""

    async def rules():
        app = create_app(Settings())
        async with app.router.lifespan_context(app):
            return [*route_rules(app.routes), *route_rules(app.state.nninteractive.routes)]

    return asyncio.run(rules())


def guarded(given):
    """An app behind the table of the real apps that answers everything with 200."""

    async def anything(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    return AuthorizationMiddleware(anything, given, rules_of_apps(), "test")


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


def test_each_role_may_do_its_actions_alone(secrets_of):
    tokens, secret_of = secrets_of
    with served(guarded(authorizer(tokens))) as address:
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


def test_a_route_without_an_action_stops_the_start():
    app = FastAPI(openapi_url=None)
    mounted, bare = FastAPI(openapi_url=None), APIRouter()

    @app.get("/good")
    @action("read_image")
    def good() -> None: ...

    @bare.post("/a/{b}/bad")
    def bad(b: str) -> None: ...

    @mounted.get("/inner")
    @action("prompt")
    def inner() -> None: ...

    app.mount("/mounted", mounted)
    assert [(row.path.pattern, row.rule.action) for row in route_rules(app.routes)] == [
        ("^/good$", "read_image"),
        ("^/mounted/inner$", "prompt"),
    ]
    mounted.include_router(bare, prefix="/more")
    with pytest.raises(ConfigError, match=r"POST /mounted/more/a/\{b\}/bad has no action"):
        route_rules(app.routes)
    with pytest.raises(ConfigError, match="/files has no action"):
        route_rules([Mount("/files", app=StaticFiles(directory="."))])
    with pytest.raises(ConfigError, match="/live has no action"):
        route_rules([WebSocketRoute("/live", good)])
    with pytest.raises(ConfigError, match="expected one of open, read_image"):
        action("look")  # type: ignore[arg-type]


def test_open_and_quiet_routes():
    actions = {row.path.pattern: row.rule for row in rules_of_apps()}
    opened = {path for path, rule in actions.items() if rule.action == "open"}
    assert opened == {
        "^/$",
        "^/page/(?P<name>.*)$",
        r"^/page/upload\-suffixes\.json$",
        "^/docs$",
        r"^/openapi\.json$",
        "^/healthz$",
        "^/auth/$",
        "^/auth/token$",
        "^/capabilities$",
    }
    assert {path for path, rule in actions.items() if rule.quiet} <= opened | {"^/heartbeat$", "^/lease_status$"}


def test_the_log_holds_each_request_without_secrets_or_names(secrets_of, tmp_path):
    tokens, secret_of = secrets_of
    path = tmp_path / "audit.db"
    with (
        AuditLog(path) as log,
        served(guarded(authorizer(tokens, log))) as address,
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


def test_an_act_is_logged_before_it_is_done_and_its_outcome_after(tmp_path):
    path, seen = tmp_path / "audit.db", []

    def outcomes():
        with sqlite3.connect(path) as database:
            return [row[0] for row in database.execute("select outcome from events order by number")]

    async def acting(scope, receive, send):
        if scope["type"] != "http":
            return
        seen.append(outcomes())
        await send({"type": "http.response.start", "status": 200 if len(seen) < 3 else 422, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    with AuditLog(path) as log:
        app = AuthorizationMiddleware(acting, authorizer(None, log), rules_of_apps(), "test")
        with served(app) as address:
            httpx.post(f"{address}/api/v1/compare")  # which only reads
            httpx.put(f"{address}/datastore/label?image=x")
            httpx.post(f"{address}/infer/maskwright?image=x")
            httpx.post(f"{address}/heartbeat")
    assert seen == [[], ["allowed", "begun"], ["allowed", "begun", "allowed", "begun"], outcomes()[:5]]
    assert outcomes() == ["allowed", "begun", "allowed", "begun", "failed", "failed"]  # the heartbeat's 422, too
    with sqlite3.connect(path) as database:
        ids = [row[0] for row in database.execute("select request_id from events order by number")]
    assert ids[1] == ids[2] != ids[3] == ids[4]
    assert verify(path, read_key(key_path_of(path))).whole


def test_nothing_is_done_or_answered_while_the_log_cannot_be_written(tmp_path):
    log, done = AuditLog(tmp_path / "audit.db"), []

    async def acting(scope, receive, send):
        if scope["type"] != "http":
            return
        done.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"patient"})

    with served(AuthorizationMiddleware(acting, authorizer(None, log), rules_of_apps(), "test")) as address:
        assert httpx.get(f"{address}/info/").status_code == 200
        log.close()
        acts = (("PUT", "/datastore/label?image=x"), ("POST", "/undo"), ("DELETE", "/api/v1/qa/x"), ("GET", "/info/"))
        for method, path in acts:
            answer = httpx.request(method, address + path)
            assert (answer.status_code, answer.json()["title"]) == (503, "Service unavailable")
            assert "audit" in answer.json()["detail"]
    assert done == ["/info/", "/info/"]


@pytest.mark.parametrize("path", ["/heartbeat", "/lease_status", "/healthz", "/auth/", "/page/index.html"])
def test_refusals_are_never_quiet(path, secrets_of, tmp_path):
    tokens, secret_of = secrets_of
    method = "POST" if path == "/heartbeat" else "GET"
    with (
        AuditLog(tmp_path / "audit.db") as log,
        served(guarded(authorizer(tokens, log))) as address,
    ):
        expected = 0
        for secret in ("forged", secret_of["late"], secret_of["viewer"], secret_of["admin"]):
            answer = httpx.request(method, address + path, headers=bearer(secret))
            expected += answer.status_code in (401, 403)
        assert httpx.request("PUT", address + path, headers=bearer("forged")).status_code == 405
        assert expected == (3 if path in ("/heartbeat", "/lease_status") else 0)
        assert log.rows == expected + 1


def test_two_lengths_are_refused_before_the_body_is_read(tmp_path):
    with (
        AuditLog(tmp_path / "audit.db") as log,
        served(guarded(authorizer(None, log))) as address,
    ):
        host, port = address.removeprefix("http://").split(":")
        lines = ["PUT /datastore/label?image=x HTTP/1.1", "Host: localhost", "Content-Length: 10"]
        for more in (["Transfer-Encoding: chunked"], ["Content-Length: 11"]):
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall("\r\n".join([*lines, *more, "", ""]).encode())
                answer = b"".join(iter(lambda: connection.recv(10_000), b""))  # until it is closed
                assert b" 400 " in answer.splitlines()[0]
        assert log.rows == 1  # the second never reaches an app


def test_a_page_of_another_site_cannot_use_a_server_without_tokens():
    with served(guarded(authorizer(None))) as address:
        assert httpx.get(f"{address}/info/", headers={"Origin": "http://localhost:3000"}).status_code == 200
        odd = {"Origin": "http://[::1"}, {"Origin": "http://localhost:3000@evil.example"}
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, *odd):
            assert httpx.get(f"{address}/info/", headers=headers).status_code == 403


def test_a_method_that_is_none_is_refused_and_logged(tmp_path):
    with (
        AuditLog(tmp_path / "audit.db") as log,
        served(guarded(authorizer(None, log))) as address,
    ):
        assert httpx.request("A~B", f"{address}/info/").status_code == 405
        assert httpx.request("OPTIONS", f"{address}/info/").status_code == 405
        assert log.rows == 2


def test_a_lease_of_one_token_is_nothing_to_another(secrets_of):
    tokens, secret_of = secrets_of
    app = nninteractive_app(make_leases(), SharedImages())
    with served(protected(app, authorizer(tokens))) as address:
        owner, thief = bearer(secret_of["annotator"]), bearer(secret_of["admin"])
        lease = {"X-Lease-Token": httpx.post(f"{address}/claim", headers=owner).json()["lease_token"]}
        assert httpx.post(f"{address}/undo", headers=thief | lease).status_code == 410
        httpx.post(f"{address}/release", headers=thief | lease)
        assert httpx.get(f"{address}/lease_status", headers=owner | lease).status_code == 200
