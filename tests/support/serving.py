"""An app on a free port of loopback, in a thread of this process."""

import socket
import threading
import time
from contextlib import contextmanager

import uvicorn

from maskwright.engine.service.app import protect
from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.budget.limits import Limits
from maskwright.engine.service.http.openapi import make_app
from maskwright.engine.service.protocols.nninteractive.app import nninteractive_router
from maskwright.engine.service.protocols.nninteractive.remote_session import RemoteSession
from maskwright.engine.service.sessions.leases import LeasePolicy, Leases
from maskwright.engine.service.sessions.queue import SessionQueues


def protected(app, authorizer, protocol="monailabel", limits=None, budget=None):
    """Put authorization and timeouts around an app, and return it."""
    protect(app, authorizer, limits or Limits(), budget or Budget(1 << 40), protocol)
    return app


def nninteractive_app(*given):
    """The app of nnInteractive's routes."""
    app = make_app("nnInteractive")
    app.include_router(nninteractive_router(*given))
    return app


def make_leases(make_session=RemoteSession, budget=None, **policy):
    """Leases without journals, by default of nnInteractive's sessions."""
    return Leases(make_session, LeasePolicy(**policy), budget or Budget(1 << 40), SessionQueues())


@contextmanager
def served(app):
    """Serve an app, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
