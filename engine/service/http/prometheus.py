"""GET /metrics: requests, times, sessions and memory as numbers for Prometheus. They name nobody and no image."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.http.routes import action

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Countable(Protocol):
    """Images or sessions."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...


class SessionTable(Countable, Protocol):
    """Sessions."""

    @property
    def size_bytes(self) -> int:
        """The bytes of all."""
        ...


class ServiceMetrics:
    """The numbers of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "maskwright_requests",
            "Requests answered, by protocol, action and class of status.",
            ["protocol", "action", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "maskwright_request_seconds",
            "Time until an answer begins, in seconds.",
            ["protocol", "action"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )

    def count(self, protocol: str, action: str, status: int, seconds: float) -> None:
        """Count an answer. ``action`` is a word of the policy, ``open`` or ``unknown``: there are few of them."""
        self._requests.labels(protocol, action, f"{status // 100}xx").inc()
        self._seconds.labels(protocol, action).observe(seconds)

    def watch(self, pools: Mapping[str, SessionTable], images: Countable, budget: Budget | None = None) -> None:
        """Count sessions, by protocol, and images, each time the numbers are read."""
        sessions = Gauge("maskwright_sessions", "Sessions of clients.", ["of"], registry=self.registry)
        size = Gauge("maskwright_session_bytes", "Bytes of sessions.", ["of"], registry=self.registry)
        for name, pool in pools.items():
            sessions.labels(name).set_function(partial(getattr, pool, "count"))
            size.labels(name).set_function(partial(getattr, pool, "size_bytes"))
        opened = Gauge("maskwright_images_open", "Images in memory, each counted once.", registry=self.registry)
        opened.set_function(lambda: images.count)
        if budget is not None:
            used = Gauge("maskwright_memory_bytes", "Bytes reserved by clients.", registry=self.registry)
            used.set_function(lambda: budget.used_bytes)
            most = Gauge("maskwright_memory_limit_bytes", "Bytes that may be reserved.", registry=self.registry)
            most.set(budget.limit_bytes)


def metrics_router(metrics: ServiceMetrics) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["server"])

    @router.get("/metrics", response_class=Response)
    @action("administer")
    def page() -> Response:
        """The numbers of this server, for Prometheus."""
        return Response(generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router
