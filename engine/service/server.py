"""The server: binds two ports and runs both apps in one process until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from maskwright.engine.service.app import Settings, create_app
from maskwright.engine.service.http.connection import timed_protocol
from maskwright.engine.service.http.request_log import logging_to
from maskwright.engine.service.http.workers import stop_workers
from maskwright.engine.storage import private_files
from maskwright.errors import InputError

GRACE_S = 20
"""How long a request that runs may go on once a signal ends the server."""
LAST_S = 0.5
"""How long idle threads may take to end."""


def serve(settings: Settings) -> None:
    """Serve until a signal ends the process.

    Raises
    ------
    InputError
        A port is taken.
    ConfigError, FileFormatError, AuditError
        See ``create_app``.
    """
    with (
        private_files(),
        _bound(settings.host, settings.port) as labels_socket,
        _bound(settings.host, settings.nninteractive_port) as prompts_socket,
        logging_to(),
    ):
        app = create_app(settings)
        addresses = [f"http://{settings.host}:{each.getsockname()[1]}" for each in (labels_socket, prompts_socket)]
        storage = "nothing is kept" if settings.own_folder is None else f"labels are kept in {settings.data}"
        line = f"page and MONAI Label at {addresses[0]}, nnInteractive at {addresses[1]}; {storage}; Ctrl-C ends"
        print(line, flush=True)
        asyncio.run(_run(app, labels_socket, prompts_socket))


def exit_now() -> None:
    """Return if all threads have ended, else end the process with status 0.

    Computing cannot be broken off, and Python waits for its threads. All files were closed before.
    """
    stop_workers()
    deadline = time.monotonic() + LAST_S
    for thread in threading.enumerate():
        ours = thread.name.startswith(("computing", "AnyIO"))
        if ours and not thread.daemon and thread is not threading.main_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named: it would cost 40 ms an answer.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
            bound.listen()  # a client that comes before the server is ready, waits
        except OSError as error:
            raise InputError(f"port {port} of {host} cannot be used ({error.strerror}); choose another one") from None
        yield bound


class ServerWithoutSignals(uvicorn.Server):
    """A server that leaves the signals alone: there are two of them in one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _run(app: FastAPI, labels_socket: socket.socket, prompts_socket: socket.socket) -> None:
    """Run both apps inside the lifespan of the first, until a signal comes."""
    protocol = timed_protocol(app.state.limits.stall_s)
    servers = [
        ServerWithoutSignals(
            uvicorn.Config(
                each,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                http=protocol,
                ws="none",
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        for each in (app, app.state.nninteractive)
    ]

    def end() -> None:
        app.state.runs.end()  # now: a client that follows a run would otherwise be waited for
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, end)
    async with app.router.lifespan_context(app):
        sockets = (labels_socket, prompts_socket)
        await asyncio.gather(*(server.serve(sockets=[bound]) for server, bound in zip(servers, sockets)))
