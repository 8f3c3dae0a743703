"""The author of a label is the token's name, whatever the client calls itself."""

import json

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

import maskwright as mw
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.protocols.monailabel.app import monailabel_router
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import LabelMap, Volume
from support.serving import served

SHAPE = (4, 6, 5)


def with_actor(app, actor):
    """An app behind a middleware that found this name in a token."""

    async def named(scope, receive, send):
        scope.setdefault("state", {})["actor"] = actor
        await app(scope, receive, send)

    return named


def files(tmp_path):
    """The same label in each form that a client may send."""
    mask = np.ones(SHAPE, np.uint8)
    for suffix in (".nii.gz", ".nrrd"):
        mw.write(LabelMap(mask, np.eye(4)), tmp_path / f"label{suffix}")
        yield suffix, (tmp_path / f"label{suffix}").read_bytes()
    yield ".bin", mask.tobytes()


@pytest.mark.parametrize("client", ["chief-radiologist", ""])
def test_label_author_is_the_token_name(tmp_path, client):
    (tmp_path / "data").mkdir()
    mw.write(Volume(np.zeros(SHAPE, np.int16), np.eye(4)), tmp_path / "data" / "scan.nii.gz")
    with Datastore.open(tmp_path / "data") as store:
        app = FastAPI(strict_content_type=False)
        answer_with_problems(app)
        app.include_router(monailabel_router(AppState.of(store), tokens=None))
        image = store.images()[0].id
        with served(with_actor(app, "annotator-1")) as address:
            for suffix, data in files(tmp_path):
                params = json.dumps({"client_id": client} if client else {})
                answer = httpx.put(
                    f"{address}/datastore/label?image={image}&tag=final",
                    data={"params": params},
                    files={"label": (f"l{suffix}", data)},
                )
                assert answer.status_code == 200, answer.text
                info = store.labels(image)["final"].info
                assert (info.author, info.client) == ("annotator-1", client)
            params = json.dumps({"client_id": "two\nlines"})
            answer = httpx.put(
                f"{address}/datastore/label?image={image}",
                data={"params": params},
                files={"label": ("l.bin", np.zeros(SHAPE, np.uint8).tobytes())},
            )
            assert answer.status_code == 422
            assert "client_id" in answer.json()["detail"]
