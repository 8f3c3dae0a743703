"""Every request passes here: who asks, what for, whether they may, and an event in the audit log.

A request is an action by its method and path (``ACTIONS``); what stands in no row is refused. A server without tokens
asks nobody who they are; the log is written all the same, if there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maskwright.engine.audit import AuditLog, Event, Outcome
from maskwright.engine.service.access import LOCAL, Action, Actor, Policy, Refusal, Tokens, is_loopback
from maskwright.engine.service.http.problems import problem
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.http.request_log import log_request, route_of
from maskwright.errors import MaskwrightError

OPEN = None
"""Of a row: anybody may ask."""
ROUTES: Sequence[tuple[str, str, Action | None]] = (
    ("GET", r"/healthz|/auth/|/capabilities", OPEN),
    ("POST", r"/auth/token", OPEN),
    ("GET", r"/|/page/[A-Za-z0-9_./-]+", OPEN),
    ("GET", r"/docs|/openapi\.json", OPEN),
    ("GET", r"/auth/token/valid|/info/|/datastore/|/train/", "read_image"),
    ("GET|HEAD", r"/datastore/image", "read_image"),
    ("PUT", r"/datastore/|/datastore/image|/datastore/label", "save_label"),
    ("GET", r"/datastore/label", "read_label"),
    ("PUT|GET|DELETE", r"/session/.*", "prompt"),
    ("POST", r"/infer/.*|/train/.*|/activelearning/.*", "prompt"),
    ("POST", r"/claim|/release|/heartbeat|/set_.*|/reset_interactions|/undo|/predict|/add_.*", "prompt"),
    ("GET", r"/lease_status", "prompt"),
    ("POST", r"/api/v1/compare", "compare"),
    ("POST", r"/api/v1/qa", "run_qa"),
    ("DELETE", r"/api/v1/qa/[^/]+", "run_qa"),
    ("GET", r"/api/v1/qa|/api/v1/qa/[^/]+(?:/events|/report|/results)?", "compare"),
    ("POST", r"/api/v1/sessions/[^/]+/save", "save_label"),
    ("GET", r"/api/v1/sessions/[^/]+/image\.nii", "read_image"),
    ("GET", r"/api/v1/sessions/[^/]+/labels/[^/]+", "read_label"),
    ("POST", r"/api/v1/sessions", "read_image"),
    ("POST", r"/api/v1/sessions/[^/]+/(?:prompts|undo|redo|propagate|objects)", "prompt"),
    ("PATCH", r"/api/v1/sessions/[^/]+/objects/[^/]+", "prompt"),
    ("GET", r"/api/v1/sessions/[^/]+/label\.(?:nii\.gz|seg\.dcm)", "prompt"),
    ("DELETE", r"/api/v1/sessions/[^/]+", "read_image"),
    ("GET", r"/proxy/dicom/.+", "read_image"),
    ("GET", r"/metrics", "administer"),
)
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
SILENT = ("/healthz", "/heartbeat", "/lease_status", "/auth/")
"""Signs of life are no events, and neither are the files of the page."""


@dataclass(frozen=True, eq=False)
class Authorizer:
    """What decides, what writes down and what counts. ``anonymous`` is who asks where there are no tokens."""

    policy: Policy
    tokens: Tokens | None
    anonymous: Actor
    region: str | None
    log: AuditLog | None
    metrics: ServiceMetrics | None = None

    def who(self, headers: dict[bytes, bytes]) -> Actor | Refusal:
        """Return who sent these headers."""
        if self.tokens is None:
            return self.anonymous
        kind, _, secret = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return self.tokens.authenticate(secret.strip() if kind.lower() == "bearer" else None, datetime.now(UTC))


def action_of(method: str, path: str) -> tuple[bool, Action | None]:
    """Return whether a request is known at all, and the action that it is."""
    for methods, pattern, action in ROUTES:
        if re.fullmatch(methods, method) and re.fullmatch(pattern, path):
            return True, action
    return False, None


class AuthorizationMiddleware:
    """The outermost layer of an app."""

    def __init__(self, app: ASGIApp, authorizer: Authorizer, protocol: str) -> None:
        self._app, self._authorizer, self._protocol = app, authorizer, protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem. No answer leaves before its event is on the disk."""
        if scope["type"] != "http" or scope["method"] == "OPTIONS":
            await self._app(scope, receive, send)
            return
        request_id, start = secrets.token_hex(8), time.perf_counter()
        known, action = action_of(scope["method"], scope["path"])
        found = self._authorizer.who(dict(scope["headers"]))
        refusal = self._foreign(scope) or self._refusal(known, action, found)
        state = scope.setdefault("state", {})
        state["actor"], state["request_id"] = found.name if isinstance(found, Actor) else "", request_id
        noted = unwritten = False

        async def noting(message: Message) -> None:
            nonlocal noted, unwritten
            if message["type"] == "http.response.start":
                noted, took_s = True, time.perf_counter() - start
                reason = refusal[3] if refusal else None
                event = self._event(scope, found, action, message["status"], reason, request_id, int(1000 * took_s))
                unwritten = not await self._written(scope, event)
                status = 503 if unwritten else message["status"]
                name = action or ("open" if known else "unknown")
                if self._authorizer.metrics is not None:
                    self._authorizer.metrics.count(self._protocol, name, status, took_s)
                self._log(scope, event, name, status)
                if unwritten:
                    detail = "the audit log cannot be written; nothing is answered until it can"
                    await problem(503, "No audit log", detail)(scope, receive, send)
                message = {**message, "headers": [*message["headers"], (b"x-request-id", request_id.encode())]}
            if not unwritten:
                await send(message)

        try:
            if refusal is None:
                await self._app(scope, receive, noting)
            else:
                await problem(*refusal[:3])(scope, receive, noting)
        except asyncio.CancelledError:  # the server ends; its client is answered 500 without us
            if not noted and self._authorizer.log is not None and not _is_silent(scope):
                event = self._event(
                    scope, found, action, 500, None, request_id, int(1000 * (time.perf_counter() - start))
                )
                with contextlib.suppress(MaskwrightError):
                    self._authorizer.log.append(event)
            raise

    def _log(self, scope: Scope, event: Event, action: str, status: int) -> None:
        level = logging.DEBUG if _is_silent(scope) else logging.ERROR if status >= 500 else logging.INFO
        log_request(
            scope,
            logging.WARNING if status == 503 else level,
            request_id=event.request_id,
            protocol=self._protocol,
            method=str(event.details["method"]),
            route=route_of(scope, action),
            status=status,
            duration_ms=int(event.details["duration_ms"]),
            actor=event.actor,
        )

    async def _written(self, scope: Scope, event: Event) -> bool:
        log = self._authorizer.log
        if log is None or _is_silent(scope):
            return True
        try:
            await anyio.to_thread.run_sync(log.append, event)
        except MaskwrightError:
            return False
        return True

    def _foreign(self, scope: Scope) -> tuple[int, str, str, str] | None:
        """Refuse what a page of another site asks of a server that trusts whoever reaches it on this machine."""
        if self._authorizer.tokens is not None or self._authorizer.anonymous is not LOCAL:
            return None
        headers = dict(scope["headers"])
        for name in (b"host", b"origin"):
            address = headers.get(name, b"localhost").decode("latin-1")
            if not is_loopback(_host_of(address)):
                detail = f"the {name.decode()} of this request is not this machine; ask at 127.0.0.1 or localhost"
                return 403, "Not allowed", detail, "foreign-page"
        return None

    def _refusal(self, known: bool, action: Action | None, found: Actor | Refusal) -> tuple[int, str, str, str] | None:
        """Return status, title, detail, and the reason for the log; None where the request may go on."""
        if not known:
            return 404, "Not there", "there is no such address; see /docs for what there is", "no-route"
        if action is OPEN:
            return None
        if isinstance(found, Refusal):
            return 401, "Who are you?", found.message, found.reason
        decision = self._authorizer.policy.allows(found, action, self._authorizer.region)
        if not decision.allowed:
            detail = f"the token {found.name!r} may not {action.replace('_', ' ')} here; ask for another one"
            return 403, "Not allowed", detail, decision.reason
        return None

    def _event(
        self,
        scope: Scope,
        found: Actor | Refusal,
        action: Action | None,
        status: int,
        reason: str | None,
        request_id: str,
        took_ms: int,
    ) -> Event:
        outcome: Outcome = "refused" if reason else "allowed" if status < 400 else "failed"
        details: dict[str, bool | int | str] = {
            "http_status": status,
            "duration_ms": took_ms,
            "method": scope["method"] if scope["method"] in METHODS else "other",
            "protocol": self._protocol,
        }
        if reason:
            details["reason"] = reason
        return Event(
            actor=(found.name or "unknown") if isinstance(found, Refusal) else found.name,
            role="none" if isinstance(found, Refusal) else found.role,
            action=action or "open",
            outcome=outcome,
            subject=_subject(scope),
            region=self._authorizer.region,
            request_id=request_id,
            details=details,
        )


def _is_silent(scope: Scope) -> bool:
    return scope["path"] in SILENT or scope["path"].startswith("/page/")


def _host_of(address: str) -> str:
    """Return the host of an address, "" where it is none."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def _subject(scope: Scope) -> str | None:
    """Return what a request is about: what the app noted, or the image, label or session in the address."""
    noted = scope["state"].get("subject")
    query = parse_qs(scope["query_string"].decode("latin-1"))
    named = [query[name][0] for name in ("image", "label", "session_id") if name in query]
    last = re.fullmatch(r"/session/(.+)", scope["path"])
    return noted or next(iter(named), None) or (last[1] if last else None)
