"""Every request passes here: its sender, its action, the decision, and its events in the audit log.

The table of actions is built from the routes (``routes``); a request that fits no route is refused. Of a request that
may change something an event ``begun`` is written before it is carried out, and another one with its outcome before the
answer leaves; of one that only reads, the outcome alone. A server without tokens takes every sender for the same
actor; its events are written all the same.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from asyncio import CancelledError
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maskwright.engine.audit import AuditLog, Event, Outcome
from maskwright.engine.service.access import LOCAL, Actor, Policy, Refusal, TokenFile, Tokens, is_loopback
from maskwright.engine.service.http.problems import problem
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.http.request_log import log_request, route_of
from maskwright.engine.service.http.routes import OPEN, RouteRule, Rule
from maskwright.errors import MaskwrightError

METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True)
class _Refused:
    """Why a request goes no further: status and detail for its sender, ``reason`` for the audit log."""

    status: int
    detail: str
    reason: str


_NO_ROUTE = _Refused(404, "there is no such address; see /docs for those there are", "no-route")
_NO_METHOD = _Refused(405, "the address does not take this method; see /docs for those it takes", "no-route")
_TWO_LENGTHS = _Refused(400, "Content-Length and Transfer-Encoding exclude each other; send one of them", "bad-framing")
_NO_LOG = _Refused(503, "the audit log cannot be written; nothing is done or answered until it can", "no-log")


@dataclass(frozen=True, eq=False)
class Authorizer:
    """The policy, the tokens and the audit log of a server. ``anonymous`` sends every request where tokens are None."""

    policy: Policy
    tokens: TokenFile | Tokens | None
    anonymous: Actor
    data_region: str | None
    log: AuditLog | None
    metrics: ServiceMetrics = field(default_factory=ServiceMetrics)


@dataclass(eq=False)
class _Exchange:
    """A request and its answer, for its events and its line of the log."""

    scope: Scope
    protocol: str
    data_region: str | None
    sender: Actor | Refusal
    rule: Rule | None
    refused: _Refused | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    start: float = field(default_factory=time.perf_counter)

    def is_quiet(self, status: int) -> bool:
        """Whether it leaves no trace: a good answer to a sign of life."""
        return self.rule is not None and self.rule.quiet and status < 400

    def event(self, outcome: Outcome, status: int | None = None) -> Event:
        """Return its event for the audit log; ``status`` is that of the answer, None before there is one."""
        method, sender = self.scope["method"], self.sender
        details: dict[str, bool | int | str] = {
            "method": method if method in METHODS else "other",
            "protocol": self.protocol,
        }
        if status is not None:
            details |= {"http_status": status, "duration_ms": int(1000 * (time.perf_counter() - self.start))}
        if self.refused is not None:
            details["reason"] = self.refused.reason
        return Event(
            actor=sender.name or "unknown",
            role=sender.role if isinstance(sender, Actor) else "none",
            action=OPEN if self.rule is None else self.rule.action,
            outcome=outcome,
            subject=_subject(self.scope),
            region=self.data_region,
            request_id=self.id,
            details=details,
        )


class AuthorizationMiddleware:
    """The outermost layer of an app, above the one that reads bodies."""

    def __init__(self, app: ASGIApp, authorizer: Authorizer, rules: Sequence[RouteRule], protocol: str) -> None:
        self._app, self._authorizer, self._rules, self._protocol = app, authorizer, rules, protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem; no answer leaves before its event is on the disk."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":  # a websocket has no action, and is not served
                await self._app(scope, receive, send)
            return
        exchange = self._exchange(scope)
        state = scope.setdefault("state", {})
        state["actor"] = exchange.sender.name if isinstance(exchange.sender, Actor) else ""
        state["request_id"], state["rule"] = exchange.id, exchange.rule
        await self._begin(exchange)
        answered = lost = False

        async def answer(message: Message) -> None:
            nonlocal answered, lost
            if message["type"] == "http.response.start":
                answered, status = True, message["status"]
                lost = exchange.refused is not _NO_LOG and not await self._record(exchange, status)
                if lost:
                    await problem(503, _NO_LOG.detail)(scope, receive, send)
                self._report(exchange, 503 if lost else status)
                more = [(b"x-request-id", exchange.id.encode())]
                if exchange.refused is not None and exchange.refused.status == 400:
                    more.append(_CLOSE)  # nobody can say where its body ends
                message = {**message, "headers": [*message["headers"], *more]}
            if not lost:
                await send(message)

        try:
            if exchange.refused is None:
                await self._app(scope, receive, answer)
            else:
                await problem(exchange.refused.status, exchange.refused.detail)(scope, receive, answer)
        except CancelledError:  # the server ends; uvicorn answers the client with 500
            if not answered and self._authorizer.log is not None:
                with contextlib.suppress(MaskwrightError):
                    self._authorizer.log.append(exchange.event("failed", 500))
            raise

    def _exchange(self, scope: Scope) -> _Exchange:
        """Return a request with its sender and its rule, refused or not."""
        authorizer, headers = self._authorizer, dict(scope["headers"])
        sender: Actor | Refusal = authorizer.anonymous
        if authorizer.tokens is not None:
            kind, _, secret = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
            secret = secret.strip() if kind.lower() == "bearer" else ""
            sender = authorizer.tokens.authenticate(secret, datetime.now(UTC))
        fitting = [row for row in self._rules if row.path.match(scope["path"])]
        rule = next((row.rule for row in fitting if scope["method"] in row.methods), None)
        exchange = _Exchange(scope, self._protocol, authorizer.data_region, sender, rule)
        if b"content-length" in headers and b"transfer-encoding" in headers:
            exchange.refused = _TWO_LENGTHS
        elif sender is LOCAL and (name := _foreign(headers)):
            detail = f"the {name} of this request is not this machine; ask at 127.0.0.1 or localhost"
            exchange.refused = _Refused(403, detail, "foreign-page")
        elif rule is None:
            exchange.refused = _NO_METHOD if fitting else _NO_ROUTE
        elif rule.action == OPEN:
            pass
        elif isinstance(sender, Refusal):
            exchange.refused = _Refused(401, sender.message, sender.reason)
        else:
            decision = authorizer.policy.allows(sender, rule.action, authorizer.data_region)
            if not decision.allowed:
                words = rule.action.replace("_", " ")
                detail = f"the token {sender.name!r} may not {words} here; ask for another one"
                exchange.refused = _Refused(403, detail, decision.reason)
        return exchange

    async def _begin(self, exchange: _Exchange) -> None:
        """Write down that an act is about to be carried out; it is refused where that cannot be done."""
        log, rule = self._authorizer.log, exchange.rule
        if log is None or exchange.refused is not None or rule is None:
            return
        if rule.is_act(exchange.scope["method"]):
            flush = rule.action not in ("prompt", "read_image")  # sessions live in memory: a power cut ends them, too
            if not await _append(log, exchange.event("begun"), flush=flush):
                exchange.refused = _NO_LOG

    async def _record(self, exchange: _Exchange, status: int) -> bool:
        """Write the outcome of a request down; False where that cannot be done."""
        log = self._authorizer.log
        if log is None or exchange.is_quiet(status):
            return True
        refused = exchange.refused is not None or status in (401, 403)
        outcome: Outcome = "refused" if refused else "allowed" if status < 400 else "failed"
        return await _append(log, exchange.event(outcome, status))

    def _report(self, exchange: _Exchange, status: int) -> None:
        """Count an answer, and write its line of the log."""
        took_s = time.perf_counter() - exchange.start
        action = "unknown" if exchange.rule is None else exchange.rule.action
        self._authorizer.metrics.count(self._protocol, action, status, took_s)
        method, quiet = exchange.scope["method"], exchange.is_quiet(status)
        level = logging.DEBUG if quiet else logging.ERROR if status >= 500 else logging.INFO
        log_request(
            exchange.scope,
            logging.WARNING if status == 503 else level,
            request_id=exchange.id,
            protocol=self._protocol,
            method=method if method in METHODS else "other",
            route=route_of(exchange.scope, action),
            status=status,
            duration_ms=int(1000 * took_s),
            actor=exchange.sender.name or "unknown",
        )


def actor_name(request: Request) -> str:
    """Return the name of the token with which a request is made, "" for an app without this middleware."""
    return str(getattr(request.state, "actor", ""))


async def _append(log: AuditLog, event: Event, *, flush: bool = True) -> bool:
    """Add an event to the log, in a thread; False where that cannot be done."""
    try:
        await anyio.to_thread.run_sync(partial(log.append, event, flush=flush))
    except MaskwrightError:
        return False
    return True


def _foreign(headers: dict[bytes, bytes]) -> str | None:
    """Return which header names another machine: a page of another site must not use a server without tokens."""
    for name in (b"host", b"origin"):
        address = headers.get(name, b"localhost").decode("latin-1")
        try:
            host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
        except ValueError:
            host = ""
        if not is_loopback(host):
            return name.decode()
    return None


def _subject(scope: Scope) -> str | None:
    """Return the subject of a request: as the app noted it, or the image, label or session of the address."""
    if noted := scope["state"].get("subject"):
        return str(noted)
    query = parse_qs(scope["query_string"].decode("latin-1"))
    named = [query[name][0] for name in ("image", "label", "session_id") if name in query]
    in_path: str | None = scope.get("path_params", {}).get("session_id")
    return next(iter(named), None) or in_path
