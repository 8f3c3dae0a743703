"""The apps of one server, over one state: page, API, MONAI Label and DICOMweb on one port, nnInteractive on another."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from maskwright.engine.audit import AuditLog
from maskwright.engine.jobs.queue.queue import JobQueue
from maskwright.engine.service.access import Policy, TokenFile, Tokens, anonymous_actor
from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.budget.limits import SHIPPED, Limits
from maskwright.engine.service.http.authorization import AuthorizationMiddleware, Authorizer
from maskwright.engine.service.http.openapi import make_app
from maskwright.engine.service.http.prometheus import ServiceMetrics, metrics_router
from maskwright.engine.service.http.request_log import LOG
from maskwright.engine.service.http.routes import OPEN, action, route_rules
from maskwright.engine.service.http.static_files import page_router
from maskwright.engine.service.http.timeouts import TimeoutMiddleware
from maskwright.engine.service.protocols.monailabel.app import monailabel_router
from maskwright.engine.service.protocols.nninteractive.app import nninteractive_router
from maskwright.engine.service.protocols.nninteractive.remote_session import remote_leases
from maskwright.engine.service.protocols.v1.compare import compare_router
from maskwright.engine.service.protocols.v1.page_session import PageSession, page_leases
from maskwright.engine.service.protocols.v1.qa import qa_router
from maskwright.engine.service.protocols.v1.sessions import sessions_router
from maskwright.engine.service.sessions.leases import Leases
from maskwright.engine.service.sessions.queue import ArrivalMiddleware
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.service.strict_model import StrictModel

OWN_FOLDER = ".maskwright"
"""In the data folder: the files of the server itself."""
SWEEP_S = 5.0
"""How often expired leases are ended."""
VIEWERS = r"https?://(localhost|127\.0\.0\.1)(:\d+)?"
"""Origins whose pages a browser lets read the answers: OHIF's viewer is a page of another port of this machine."""


class Settings(StrictModel):
    """The settings of a server.

    Attributes
    ----------
    data : Path or None
        The folder of images, None for none. Uploads and labels are kept there unless ``ephemeral``.
    host, port, nninteractive_port : str and int
        Where it listens; port 0 is any free one.
    token_file : Path or None
        The tokens it asks for. Without one it serves this machine alone, or, if ``insecure``, everybody.
    config : Path
        The file of the policy and the limits.
    """

    data: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    nninteractive_port: int = 1527
    ephemeral: bool = False
    token_file: Path | None = None
    insecure: bool = False
    config: Path = SHIPPED

    @property
    def own_folder(self) -> Path | None:
        """The folder of the server's own files, None where nothing is kept."""
        return None if self.ephemeral or self.data is None else self.data / OWN_FOLDER


def create_app(settings: Settings) -> FastAPI:
    """Return the app of the main port; that of nnInteractive's is its ``state.nninteractive``.

    Both share one state, which is opened here. The lifespan of the returned app, which a server runs around both, ends
    expired leases, signs the audit log from time to time, and closes all at the end.

    Raises
    ------
    ConfigError
        The token file or the configuration is not right, or others could reach a server that asks for no tokens.
    FileFormatError, AuditError
        The data folder is not there, or its audit log was tampered with.
    """
    tokens = None if settings.token_file is None else TokenFile(settings.token_file)
    sender = anonymous_actor(settings.host, insecure=settings.insecure or tokens is not None)
    policy, limits = Policy.read(settings.config), Limits.read(settings.config)
    with contextlib.ExitStack() as opening:
        store = opening.enter_context(Datastore.open(settings.data, ephemeral=settings.own_folder is None))
        state = AppState.of(store, limits)
        opening.callback(state.close)
        log = _open_log(settings.own_folder, opening)
        runs = opening.enter_context(JobQueue(_qa_folder(settings.own_folder, opening)))
        per_owner = limits.sessions if tokens is None else limits.sessions_per_user
        sessions = remote_leases(state, settings.own_folder, per_owner)
        pages = page_leases(state, settings.own_folder, per_owner)
        metrics = ServiceMetrics()
        metrics.watch({"nninteractive": sessions, "page": pages}, state.images, state.budget)
        authorizer = Authorizer(policy, tokens, sender, store.region, log, metrics)
        prompts = make_app("Maskwright: nnInteractive v2")
        prompts.include_router(nninteractive_router(sessions, state.images))
        labels = labels_app(state, tokens, runs, metrics, pages)
        protect(prompts, authorizer, limits, state.budget, "nninteractive")
        protect(labels, authorizer, limits, state.budget, "monailabel")
        allow_viewers(labels)
        for app in (labels, prompts):  # outermost: the order of arrival counts
            app.add_middleware(ArrivalMiddleware, queues=state.queues)
        labels.state.nninteractive, labels.state.limits, labels.state.runs = prompts, limits, runs
        labels.router.lifespan_context = _lifespan(opening.pop_all(), [sessions, pages, state.clicks], log, limits)
    return labels


def labels_app(
    state: AppState,
    tokens: TokenFile | Tokens | None,
    runs: JobQueue,
    metrics: ServiceMetrics,
    pages: Leases[PageSession],
) -> FastAPI:
    """Return the app of the main port, without its middlewares."""
    app = make_app("Maskwright")
    app.include_router(monailabel_router(state, tokens))
    app.include_router(compare_router(state))
    app.include_router(qa_router(state, runs))
    app.include_router(sessions_router(state, pages))
    app.include_router(metrics_router(metrics))
    app.include_router(page_router())

    @app.get("/healthz", tags=["server"])
    @action(OPEN, quiet=True)
    def healthz() -> dict[str, bool]:
        """Whether the server answers."""
        return {"ok": True}

    return app


def protect(app: FastAPI, authorizer: Authorizer, limits: Limits, budget: Budget, protocol: str) -> None:
    """Put authorization and timeouts around the routes that an app has now.

    Raises
    ------
    ConfigError
        A route has no action.
    """
    app.add_middleware(TimeoutMiddleware, limits=limits, budget=budget)
    app.add_middleware(AuthorizationMiddleware, authorizer=authorizer, rules=route_rules(app.routes), protocol=protocol)


def _lifespan(opened: contextlib.ExitStack, tables: list[Leases[Any]], log: AuditLog | None, limits: Limits) -> Any:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with opened:
            tasks = [asyncio.create_task(sweep(tables)), asyncio.create_task(sign(log, limits.checkpoint_s))]
            yield
            for task in tasks:
                task.cancel()

    return lifespan


def allow_viewers(app: FastAPI) -> None:
    """Let pages of this machine read an app's answers; around authorization, since they read refusals too."""
    app.add_middleware(CORSMiddleware, allow_origin_regex=VIEWERS, allow_methods=["*"], allow_headers=["Authorization"])


async def sweep(tables: list[Leases[Any]]) -> None:
    """End expired leases from time to time."""
    while True:
        await asyncio.sleep(SWEEP_S)
        for leases in tables:
            await asyncio.to_thread(leases.end_expired)


async def sign(log: AuditLog | None, every_s: float) -> None:
    """Sign the new rows of the audit log from time to time; a failure is logged and tried again."""
    while log is not None:
        await asyncio.sleep(every_s)
        try:
            await asyncio.to_thread(log.checkpoint)
        except Exception as error:  # of whatever kind: the server goes on
            LOG.error("the audit log could not be signed", exc_info=error)


def _open_log(folder: Path | None, opening: contextlib.ExitStack) -> AuditLog | None:
    if folder is None:
        return None
    folder.mkdir(mode=0o700, exist_ok=True)
    return opening.enter_context(AuditLog(folder / "audit.db"))


def _qa_folder(folder: Path | None, opening: contextlib.ExitStack) -> Path:
    if folder is not None:
        return folder / "qa"
    return Path(opening.enter_context(tempfile.TemporaryDirectory()))
