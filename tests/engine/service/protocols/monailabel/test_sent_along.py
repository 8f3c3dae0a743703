"""An image that is sent along with its clicks is read once, however long its object is at work."""

import json
import threading

import httpx
import numpy as np
from fastapi import FastAPI

import maskwright as mw
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.protocols.monailabel.app import monailabel_router
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from maskwright.interactive.sessions.session import AssistSession
from support.serving import served


def test_request_with_its_image_waits_for_a_busy_object(tmp_path, monkeypatch):
    array = np.random.default_rng(0).normal(size=(4, 16, 16)).astype(np.float32)
    mw.write(Volume(array, np.eye(4)[[2, 1, 0, 3]]), tmp_path / "a.nii.gz")
    sent = {"file": ("a.nii.gz", (tmp_path / "a.nii.gz").read_bytes())}
    begun, opened, add_point = threading.Event(), threading.Event(), AssistSession.add_point

    def slow(self, index, positive=True):
        begun.set()
        assert opened.wait(20)
        return add_point(self, index, positive)

    monkeypatch.setattr(AssistSession, "add_point", slow)
    with Datastore.open(None, ephemeral=True) as store:
        app = FastAPI()
        answer_with_problems(app)
        app.include_router(monailabel_router(AppState.of(store), tokens=None))
        answers = []
        with served(app) as address:

            def ask():
                clicks = {"params": json.dumps({"foreground": [[8, 8, 2]]})}
                query = {"output": "json"}
                answers.append(
                    httpx.post(f"{address}/infer/maskwright", params=query, data=clicks, files=sent, timeout=60)
                )

            threads = [threading.Thread(target=ask) for _ in range(2)]
            threads[0].start()
            assert begun.wait(20)
            threads[1].start()
            threads[1].join(0.5)
            assert answers == []
            opened.set()
            for thread in threads:
                thread.join()
    assert [answer.status_code for answer in answers] == [200, 200], answers[-1].text
