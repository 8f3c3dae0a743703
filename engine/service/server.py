"""The server: page, API, MONAI Label's protocol and DICOMweb on one port, nnInteractive's on another; one process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from maskwright.engine.audit import AuditLog
from maskwright.engine.jobs.queue.queue import JobQueue
from maskwright.engine.service.access import Policy, Tokens, actor_without_tokens, may_start
from maskwright.engine.service.budget.limits import SHIPPED, Limits
from maskwright.engine.service.http.authorization import AuthorizationMiddleware, Authorizer
from maskwright.engine.service.http.cors import allow_viewer_origins
from maskwright.engine.service.http.docs_page import add_api_page
from maskwright.engine.service.http.header_timeout import header_timeout_protocol
from maskwright.engine.service.http.openapi import REFUSALS
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.http.prometheus import ServiceMetrics, metrics_router
from maskwright.engine.service.http.request_log import LOG, logging_to
from maskwright.engine.service.http.static_files import page_router
from maskwright.engine.service.http.timeouts import TimeoutMiddleware
from maskwright.engine.service.protocols.monailabel.app import monailabel_router
from maskwright.engine.service.protocols.nninteractive import events as nninteractive_events
from maskwright.engine.service.protocols.nninteractive.app import nninteractive_app
from maskwright.engine.service.protocols.nninteractive.remote_session import RemoteSession
from maskwright.engine.service.protocols.v1 import events as page_events
from maskwright.engine.service.protocols.v1.compare import compare_router
from maskwright.engine.service.protocols.v1.page_session import PageSession
from maskwright.engine.service.protocols.v1.qa import qa_router
from maskwright.engine.service.protocols.v1.sessions import sessions_router
from maskwright.engine.service.sessions.journal import SessionJournals
from maskwright.engine.service.sessions.leases import LeaseLimits, Pool
from maskwright.engine.service.sessions.queue import ArrivalMiddleware
from maskwright.engine.service.sessions.recovery import SessionRecovery
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.storage import private_files
from maskwright.errors import InputError

OWN_FOLDER = ".maskwright"
"""In the data folder: what is the server's own."""
SWEEP_S = 5.0
"""How often leases that have run out are looked for."""
GRACE_S = 20
"""How long a request that runs may go on once the server is told to end."""


@dataclass(frozen=True)
class Serving:
    """What is served where, and to whom.

    ``data`` is the folder, None for none; what is sent in is kept there unless ``ephemeral``. ``token_file`` holds the
    tokens that are asked for; without one only loopback is served, or everybody if ``insecure``. ``config`` holds the
    policy and the limits.
    """

    data: Path | None
    host: str = "127.0.0.1"
    port: int = 8000
    nninteractive_port: int = 1527
    ephemeral: bool = False
    token_file: Path | None = None
    insecure: bool = False
    config: Path = SHIPPED

    @property
    def keeps(self) -> Path | None:
        """The folder in which things are kept, None for none."""
        return None if self.ephemeral else self.data


def serve(serving: Serving) -> None:
    """Serve until the process is told to end.

    Raises
    ------
    InputError
        A port is taken, the token file is not right, or others could reach a server that asks for no tokens.
    ConfigError
        The service's configuration is not right.
    FileFormatError, AuditError
        The data folder is not there, or its audit log was tampered with.
    """
    tokens = None if serving.token_file is None else Tokens.read(serving.token_file)
    may_start(serving.host, tokens, serving.insecure)
    policy, limits = Policy.read(serving.config), Limits.read(serving.config)
    with (
        private_files(),
        _bound(serving.host, serving.port) as labels_socket,
        _bound(serving.host, serving.nninteractive_port) as prompts_socket,
        Datastore.open(serving.data, ephemeral=serving.keeps is None) as store,
        _audit_log(serving.keeps) as log,
        _qa_runs(serving.keeps) as runs,
        logging_to(),
    ):
        place = AppState.of(store, limits)
        journals, page_journals = _journals(serving.keeps, limits)
        pool, pages = _pools(place, journals, page_journals)
        metrics = ServiceMetrics()
        authorizer = Authorizer(policy, tokens, actor_without_tokens(serving.host), store.region, log, metrics)
        metrics.watch({"nninteractive": pool, "page": pages}, place.images, place.memory)
        labels_app: ASGIApp = _labels_app(place, tokens, runs, metrics, pages, page_journals)
        prompts_app: ASGIApp = nninteractive_app(pool, place.images, journals)
        bounded = [TimeoutMiddleware(app, limits, place.memory) for app in (labels_app, prompts_app)]
        guarded: list[ASGIApp] = [
            AuthorizationMiddleware(app, authorizer, name)
            for app, name in zip(bounded, ("monailabel", "nninteractive"))
        ]
        guarded[0] = allow_viewer_origins(guarded[0])
        guarded = [ArrivalMiddleware(app, place.clicks.queues) for app in guarded]
        print(_greeting(serving, labels_socket, prompts_socket), flush=True)
        asyncio.run(
            _run(
                list(zip(guarded, (labels_socket, prompts_socket))),
                [pool, pages],
                AuditCheckpointer(log, limits),
                runs.end,
            )
        )


def _journals(folder: Path | None, limits: Limits) -> tuple[SessionJournals | None, SessionJournals | None]:
    """Return the journals of nnInteractive's sessions and those of the page's; where nothing is kept there are none."""
    if folder is None:
        return None, None
    own = folder / OWN_FOLDER
    return (
        SessionJournals(own / "sessions", limits.idle_s, nninteractive_events.REMOTE_JOURNAL_POLICY),
        SessionJournals(own / "page-sessions", limits.page_idle_s, page_events.PAGE_JOURNAL_POLICY),
    )


def _pools(
    place: AppState, journals: SessionJournals | None, page_journals: SessionJournals | None
) -> tuple[Pool[RemoteSession], Pool[PageSession]]:
    """Return the sessions of nnInteractive and those of the page, with one account of memory."""
    limits, images, memory = place.limits, place.images, place.memory
    remote_again = (
        None if journals is None else SessionRecovery(journals, lambda acts: nninteractive_events.replay(acts, images))
    )
    page_again = (
        None if page_journals is None else SessionRecovery(page_journals, lambda acts: page_events.replay(acts, place))
    )
    remote = LeaseLimits(limits.sessions, limits.idle_s, limits.silent_s)
    page = LeaseLimits(limits.sessions, limits.page_idle_s, limits.page_idle_s)
    return (
        Pool(
            RemoteSession,
            remote,
            written=remote_again,
            memory=memory,
            image_of=lambda s: images.find(s.image_sha256),
            size_of=lambda s: s.size_bytes,
            queues=place.clicks.queues,
        ),
        Pool(
            PageSession,
            page,
            written=page_again,
            memory=memory,
            image_of=lambda s: s.volume.array if s.image else None,
            size_of=lambda s: s.size_bytes,
            queues=place.clicks.queues,
        ),
    )


@contextlib.contextmanager
def _audit_log(folder: Path | None) -> Iterator[AuditLog | None]:
    """FolderLock the log of a data folder; where nothing is kept there is none."""
    if folder is None:
        yield None
        return
    (folder / OWN_FOLDER).mkdir(mode=0o700, exist_ok=True)
    with AuditLog(folder / OWN_FOLDER / "audit.db") as log:
        yield log


@contextlib.contextmanager
def _qa_runs(folder: Path | None) -> Iterator[JobQueue]:
    """FolderLock the QA runs of a data folder; where nothing is kept they go when the server does."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        else:
            place = folder / OWN_FOLDER / "qa"
        yield stack.enter_context(JobQueue(place))


def _greeting(serving: Serving, labels_socket: socket.socket, prompts_socket: socket.socket) -> str:
    what = "nothing is kept" if serving.keeps is None else f"labels are kept in {serving.keeps}"
    addresses = [f"http://{serving.host}:{s.getsockname()[1]}" for s in (labels_socket, prompts_socket)]
    return f"page and MONAI Label at {addresses[0]}, nnInteractive at {addresses[1]}; {what}; Ctrl-C ends"


def _labels_app(
    place: AppState,
    tokens: Tokens | None,
    runs: JobQueue,
    metrics: ServiceMetrics,
    pages: Pool[PageSession],
    page_journals: SessionJournals | None = None,
) -> FastAPI:
    app = FastAPI(title="Maskwright", strict_content_type=False, responses=REFUSALS, docs_url=None, redoc_url=None)
    add_api_page(app)
    answer_with_problems(app)
    app.include_router(monailabel_router(place, tokens))
    app.include_router(compare_router(place))
    app.include_router(qa_router(place, runs))
    app.include_router(sessions_router(place, pages, page_journals))
    app.include_router(metrics_router(metrics))
    app.include_router(page_router())

    @app.get("/healthz", tags=["server"])
    def healthz() -> dict[str, bool]:
        """Whether the server answers."""
        return {"ok": True}

    return app


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named: it would cost 40 ms an answer.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
            bound.listen()  # who comes before the server is ready, waits
        except OSError as error:
            raise InputError(f"port {port} of {host} cannot be used ({error.strerror}); choose another one") from None
        yield bound


class ServerWithoutSignals(uvicorn.Server):
    """A server whose signals are seen to elsewhere: there are two of them in one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _run(
    apps: Sequence[tuple[ASGIApp, socket.socket]],
    pools: Sequence[Pool[Any]],
    ticking: AuditCheckpointer,
    at_end: Callable[[], None],
) -> None:
    protocol = header_timeout_protocol(ticking.limits.stall_s)
    servers = [
        ServerWithoutSignals(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                http=protocol,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        for app, _ in apps
    ]

    def end() -> None:
        at_end()  # now: who is told how a run goes on would otherwise be waited for
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, end)
    tasks = [asyncio.create_task(_sweep(pools)), asyncio.create_task(ticking.sign())]
    await asyncio.gather(*(server.serve(sockets=[bound]) for server, (_, bound) in zip(servers, apps)))
    for task in tasks:
        task.cancel()


async def _sweep(pools: Sequence[Pool[Any]]) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        for pool in pools:
            pool.end_expired()


@dataclass(frozen=True, eq=False)
class AuditCheckpointer:
    """What is done from time to time to the audit log."""

    log: AuditLog | None
    limits: Limits

    async def sign(self) -> None:
        """Sign what was added; that this fails is written down and tried again."""
        while self.log is not None:
            await asyncio.sleep(self.limits.checkpoint_s)
            try:
                await asyncio.to_thread(self.log.checkpoint)
            except Exception as error:  # of whatever kind: the server goes on, and says so
                LOG.error("the audit log could not be signed", exc_info=error)
