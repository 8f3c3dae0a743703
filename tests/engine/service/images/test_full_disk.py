"""A disk that is full is the server's fault: 507, wherever the bytes were to go, and nothing is left of them."""

import errno
import io
import json
import os
import tempfile

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

import maskwright as mw
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.images.files import volume_file
from maskwright.engine.service.protocols.monailabel.app import monailabel_router
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import LabelMap, Volume
from support.serving import served

SHAPE = (4, 6, 5)
IMAGE = volume_file(Volume(np.ones(SHAPE, np.int16), np.eye(4)), ".nii.gz")
LABEL = volume_file(LabelMap(np.ones(SHAPE, np.uint8), np.eye(4)), ".nii.gz")


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def server(tmp_path):
    mw.write(Volume(np.zeros(SHAPE, np.int16), np.eye(4)), tmp_path / "scan.nii.gz")
    with Datastore.open(tmp_path) as store:
        app = FastAPI(strict_content_type=False)
        answer_with_problems(app)
        state = AppState.of(store)
        app.include_router(monailabel_router(state, tokens=None))
        with served(app) as address:
            yield address, store
        state.close()


def requests(image):
    query = {"image": image}
    yield "PUT", "/datastore/", {}, {"file": ("a.nii.gz", IMAGE)}
    yield "PUT", "/session/", {}, {"files": ("a.nii.gz", IMAGE)}
    for name, data in (("l.nii.gz", LABEL), ("l.bin", np.ones(SHAPE, np.uint8).tobytes())):
        yield "PUT", "/datastore/label", query, {"label": (name, data)}
    yield "POST", "/infer/maskwright", {}, {"file": ("a.nii.gz", IMAGE)}
    yield "POST", "/infer/maskwright-propagate", query, {"label": ("l.nii.gz", LABEL)}


@pytest.mark.parametrize("target", ["data", "spool", "temporary"])
def test_full_disk_is_answered_507(server, monkeypatch, target):
    address, store = server
    image = store.images()[0].id
    with monkeypatch.context() as patched:
        if target == "data":
            patched.setattr("maskwright.engine.service.storage.upload.synced_file", full)
            patched.setattr("maskwright.engine.service.storage.labels.write_synced", full)
        elif target == "spool":
            patched.setattr(tempfile.SpooledTemporaryFile, "write", full)
        else:
            patched.setattr(tempfile, "mkdtemp", full)
        for method, path, query, files in requests(image):
            if (target == "data" and "propagate" in path) or (target == "temporary" and "a.nii.gz" in str(files)):
                continue
            form = {"params": json.dumps({"foreground": [[1, 1, 1]]})}
            answer = httpx.request(method, address + path, params=query, data=form, files=files, timeout=60)
            assert answer.status_code == 507, (path, answer.status_code, answer.text)
            assert answer.json()["title"] == "Insufficient storage"
            assert str(store) not in answer.text
            assert "scan" not in answer.text
    assert [entry.id for entry in store.images()] == [image]
    assert store.labels(image) == {}
    assert store.add_image("b.nii.gz", io.BytesIO(IMAGE), 1 << 20) in store.images()
