"""A server with three DICOM series."""

import numpy as np
import pytest
from fastapi import FastAPI
from pydicom.uid import generate_uid

import maskwright as mw
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.protocols.monailabel.app import monailabel_router
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from support.serving import served

SHAPE = (5, 12, 14)


def stored(seed):
    """Pixels of a series."""
    return np.random.default_rng(seed).integers(-1000, 3000, SHAPE).astype(np.int16)


@pytest.fixture(scope="module")
def server(tmp_path_factory, write_series):
    """A server's address, its data folder, and its series by name: two of one study, one of another."""
    data = tmp_path_factory.mktemp("data")
    study = generate_uid()
    made = {
        "a": write_series(data / "a", stored(0), study=study),
        "b": write_series(data / "b", stored(1), -1, study=study),
        "c": write_series(data / "deep" / "c", stored(2)),
    }
    mw.write(Volume(np.zeros((3, 4, 5), np.float32), np.eye(4)), data / "one.nii.gz")
    with Datastore.open(data) as store:
        app = FastAPI(strict_content_type=False)
        answer_with_problems(app)
        app.include_router(monailabel_router(AppState.of(store), tokens=None))
        with served(app) as address:
            yield address, data, made
