"""Which of the images that clients send are stored."""

import io

import numpy as np
import pytest

from maskwright.engine.service.images.files import volume_file
from maskwright.engine.service.images.open_volumes import OpenVolumes
from maskwright.engine.service.images.uploads import ingest
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from maskwright.errors import CapacityError, LimitError

IMAGE = volume_file(Volume(np.zeros((3, 4, 5), np.uint8), np.eye(4)), ".nii.gz")


@pytest.fixture
def state(tmp_path):
    with Datastore.open(tmp_path) as store:
        state = AppState.of(store)
        yield state
        state.close()


def send(state, name):
    return ingest(state.store, state.volumes, name, io.BytesIO(IMAGE), 1 << 20)


def refused(state, monkeypatch, error):
    """Send the image where it cannot be opened."""

    def fail(*given):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(OpenVolumes, "open", fail)
        with pytest.raises(type(error)):
            send(state, "again.nii.gz")
    return [entry.id for entry in state.store.images()]


def test_stored_image_stays_when_memory_is_short(state, monkeypatch):
    stored = send(state, "a.nii.gz").id
    assert refused(state, monkeypatch, CapacityError("no room")) == [stored]


def test_labelled_image_stays_when_too_large(state, monkeypatch):
    stored = send(state, "a.nii.gz").id
    state.store.save_label(stored, "final", b"label", ".nii.gz", {}, "t")
    assert refused(state, monkeypatch, LimitError("too large")) == [stored]
    assert list(state.store.labels(stored)) == ["final"]


def test_unreadable_image_is_not_stored(state, monkeypatch):
    assert refused(state, monkeypatch, LimitError("too large")) == []
