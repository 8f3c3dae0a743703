"""The OpenAPI document is true: Schemathesis sends each request that it names, and odd ones too."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import maskwright as mw
from maskwright.engine.jobs.queue.queue import JobQueue
from maskwright.engine.service.app import labels_app
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.v1.page_session import PageSession
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from support.serving import make_leases, nninteractive_app

schemathesis = pytest.importorskip("schemathesis")
# What fits the document may still be refused: an image that is not there, a lease that has ended.
positive_data_acceptance = pytest.importorskip("schemathesis.specs.openapi.checks").positive_data_acceptance


@pytest.fixture(scope="module")
def labels_schema(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    mw.write(Volume(np.zeros((4, 8, 8), np.float32), np.eye(4)), data / "a.nii.gz")
    with (
        Datastore.open(data, ephemeral=True) as store,
        JobQueue(tmp_path_factory.mktemp("runs")) as runs,
    ):
        app = labels_app(AppState.of(store), None, runs, ServiceMetrics(), make_leases(PageSession))
        yield schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.fixture(scope="module")
def prompts_schema():
    return schemathesis.openapi.from_asgi("/openapi.json", nninteractive_app(make_leases(), SharedImages()))


QUICK = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def ask_everything(schema):
    """Ask each operation of a document some times, and check what comes against the document."""
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @QUICK
        @given(operation.as_strategy())
        def ask(case):
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        ask()
        asked += 1
    return asked


def testlabels_app(labels_schema):
    assert ask_everything(labels_schema) > 20


def test_prompts_app(prompts_schema):
    assert ask_everything(prompts_schema) > 15
