"""A data folder to run QA over, servers on it, and runs that never end by themselves."""

from contextlib import ExitStack

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

import maskwright as mw
from maskwright.engine.jobs.queue.queue import JobQueue
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.protocols.v1.qa import qa_router
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from support.qa_runs import AFFINE, Folder, box
from support.serving import served
from support.sleepers import start_sleepers


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / 'Doe, "Jane" & co'
    path.mkdir()
    for name in "abcd":
        mw.write(Volume(np.zeros((8, 16, 16), np.float32), AFFINE), path / f"{name}.nii.gz")
    with Datastore.open(path) as store:
        made = Folder(path, store, [entry.id for entry in store.images()])
        for number, image in enumerate(made.images[:2]):
            made.save(image, "first", box(3))
            made.save(image, "second", box(4 + number))
        made.save(made.images[2], "first", box(3))
        yield made


@pytest.fixture
def serve(folder):
    """A function that gives a client of a server on the folder, and its runs."""
    with ExitStack() as stack:

        def start():
            app = FastAPI(strict_content_type=False)
            answer_with_problems(app)
            runs = JobQueue(folder.runs)
            app.include_router(qa_router(AppState.of(folder.store), runs))
            address = stack.enter_context(served(app))
            stack.enter_context(runs)
            return stack.enter_context(httpx.Client(base_url=address, timeout=30)), runs

        yield start


@pytest.fixture
def sleepers(monkeypatch):
    return start_sleepers(monkeypatch)
