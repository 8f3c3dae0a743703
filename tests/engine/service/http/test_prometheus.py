"""Requests, sessions and memory are counted, and the page of the numbers names nobody."""

import asyncio

import httpx
import numpy as np
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from maskwright.engine.service.access import ANYONE, LOCAL, Policy, Tokens, new_token
from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.http.authorization import Authorizer
from maskwright.engine.service.http.openapi import make_app
from maskwright.engine.service.http.prometheus import ServiceMetrics, metrics_router
from maskwright.engine.service.http.routes import action
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.errors import NotFoundError
from support.serving import make_leases, protected, served


def app_with(metrics):
    app = make_app("test")
    app.include_router(metrics_router(metrics))

    @app.get("/info/")
    @action("read_image")
    def info() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/datastore/label")
    @action("read_label")
    def label(label: str) -> None:
        raise NotFoundError("none")

    return app


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def guarded(metrics, tokens=None, anonymous=LOCAL):
    return protected(app_with(metrics), Authorizer(Policy.read(), tokens, anonymous, None, None, metrics))


def test_requests_are_counted_by_action_and_status():
    metrics = ServiceMetrics()
    with served(guarded(metrics)) as address:
        for path in ("/info/", "/info/", "/datastore/label?label=Doe-Jane", "/nothing-Doe"):
            httpx.get(address + path)
        answer = httpx.get(f"{address}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "Doe" not in answer.text
    found = samples(answer.text)
    total = "maskwright_requests_total"
    assert {key: value for key, value in found.items() if key[0] == total} == {
        (total, "2xx", "monailabel", "read_image"): 2,
        (total, "4xx", "monailabel", "read_label"): 1,
        (total, "4xx", "monailabel", "unknown"): 1,
    }
    assert found["maskwright_request_seconds_count", "monailabel", "read_image"] == 2
    assert 0 < found["maskwright_request_seconds_sum", "monailabel", "read_image"] < 5
    assert not any(metric.name.startswith("maskwright") for metric in REGISTRY.collect())


def test_sessions_and_images_are_counted():
    metrics, images = ServiceMetrics(), SharedImages()
    pool, other = make_leases(), make_leases()
    metrics.watch({"one": pool, "other": other}, images)
    with served(guarded(metrics)) as address:

        def numbers():
            found = samples(httpx.get(f"{address}/metrics").text)
            assert found["maskwright_sessions", "other"] == 0
            sessions = [found[f"maskwright_{name}", "one"] for name in ("sessions", "session_bytes")]
            return [*sessions, found["maskwright_images_open",]]

        assert numbers() == [0, 0, 0]
        token = pool.claim("somebody")
        _, shared = images.share(np.zeros((1, 2, 5, 20), np.float32))
        asyncio.run(pool.work(token, "somebody", lambda lease, image=shared: lease.session.set_image(image, None)))
        assert numbers() == [1, 5 * shared.size, 1]  # the image and a mask
        pool.release(token, "somebody")
        del shared
        assert numbers() == [0, 0, 0]


def test_memory_is_shown_with_its_limit():
    metrics, memory = ServiceMetrics(), Budget(5000)
    metrics.watch({}, SharedImages(), memory)
    reservation = Reservation("request")
    with served(guarded(metrics)) as address:
        for size in (1000, 3000):
            memory.reserve(reservation, size)
            found = samples(httpx.get(f"{address}/metrics").text)
            assert found["maskwright_memory_bytes",] == size
        assert found["maskwright_memory_limit_bytes",] == 5000


def test_only_administrators_see_the_metrics_where_there_are_tokens(tmp_path):
    tokens = {role: new_token(role, role) for role in ("viewer", "annotator", "reviewer", "admin")}
    path = tmp_path / "tokens.toml"
    path.write_text("\n".join(token.entry for token in tokens.values()))
    path.chmod(0o600)
    with served(guarded(ServiceMetrics(), Tokens.read(path))) as address:
        assert httpx.get(f"{address}/metrics").status_code == 401
        for role, token in tokens.items():
            headers = {"Authorization": f"Bearer {token.secret}"}
            assert httpx.get(f"{address}/metrics", headers=headers).status_code == (200 if role == "admin" else 403)
    with served(guarded(ServiceMetrics(), None, ANYONE)) as address:
        assert httpx.get(f"{address}/metrics").status_code == 200
