"""The server: MONAI Label's protocol on one port, nnInteractive's on another, in one process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from maskwright.engine.service.api.compare import compare_router
from maskwright.engine.service.datastore import Datastore
from maskwright.engine.service.pool import Pool, PoolLimits
from maskwright.engine.service.problems import answer_with_problems
from maskwright.engine.service.protocols.monailabel.app import monailabel_router
from maskwright.engine.service.protocols.nninteractive import nninteractive_app
from maskwright.engine.service.remote_session import RemoteSession
from maskwright.engine.service.workplace import Workplace
from maskwright.kernels.errors import InputError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SWEEP_S = 5.0
"""How often leases that have run out are looked for."""
GRACE_S = 20
"""How long a request that runs may go on once the server is told to end."""


@dataclass(frozen=True)
class Serving:
    """What is served where: a data folder, or none; what is sent in is kept there unless ``ephemeral``."""

    data: Path | None
    host: str = "127.0.0.1"
    port: int = 8000
    nninteractive_port: int = 1527
    ephemeral: bool = False


def serve(serving: Serving) -> None:
    """Serve until the process is told to end.

    Raises
    ------
    InputError
        The host is not loopback, or a port is taken.
    FileFormatError
        The data folder is not there.
    """
    if serving.host not in LOOPBACK:
        raise InputError(f"--host {serving.host}: only loopback is served yet, as nobody is asked who they are")
    ephemeral = serving.ephemeral or serving.data is None
    with (
        _bound(serving.host, serving.port) as labels_socket,
        _bound(serving.host, serving.nninteractive_port) as prompts_socket,
        Datastore.open(serving.data, ephemeral=ephemeral) as store,
        Datastore.open(None, ephemeral=True) as visitors,
    ):
        place = Workplace.of(store, visitors)
        pool = Pool(RemoteSession, PoolLimits())
        apps = [(_labels_app(place), labels_socket), (nninteractive_app(pool, place.images), prompts_socket)]
        print(_greeting(serving, labels_socket, prompts_socket), flush=True)
        asyncio.run(_run(apps, pool))


def _greeting(serving: Serving, labels_socket: socket.socket, prompts_socket: socket.socket) -> str:
    what = "nothing is kept" if serving.ephemeral or serving.data is None else f"labels are kept in {serving.data}"
    addresses = [f"http://{serving.host}:{s.getsockname()[1]}" for s in (labels_socket, prompts_socket)]
    return f"MONAI Label at {addresses[0]}, nnInteractive at {addresses[1]}; {what}; Ctrl-C ends"


def _labels_app(place: Workplace) -> FastAPI:
    app = FastAPI(title="Maskwright", strict_content_type=False)
    answer_with_problems(app)
    # OHIF's viewer is a page of another origin. There are no cookies, so any page may ask, and only of loopback.
    app.add_middleware(
        CORSMiddleware, allow_origin_regex=r"https?://(localhost|127\.0\.0\.1)(:\d+)?", allow_methods=["*"]
    )
    app.include_router(monailabel_router(place))
    app.include_router(compare_router(place))

    @app.get("/healthz", tags=["server"])
    def healthz() -> dict[str, bool]:
        """Whether the server answers."""
        return {"ok": True}

    return app


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
            bound.listen()  # who comes before the server is ready, waits
        except OSError as error:
            raise InputError(f"port {port} of {host} cannot be used ({error.strerror}); choose another one") from None
        yield bound


class _Quiet(uvicorn.Server):
    """A server whose signals are seen to elsewhere: there are two of them in one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(apps: Sequence[tuple[FastAPI, socket.socket]], pool: Pool[RemoteSession]) -> None:
    servers = [
        _Quiet(uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=GRACE_S))
        for app, _ in apps
    ]

    def end() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, end)
    sweeping = asyncio.create_task(_sweep(pool))
    await asyncio.gather(*(server.serve(sockets=[bound]) for server, (_, bound) in zip(servers, apps)))
    sweeping.cancel()


async def _sweep(pool: Pool[RemoteSession]) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        pool.end_expired()
