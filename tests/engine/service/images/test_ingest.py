"""Images that clients send in: which of them stay."""

import io

import numpy as np
import pytest

from maskwright.engine.service.images.open_volumes import OpenVolumes
from maskwright.engine.service.images.volume_file import volume_file
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from maskwright.errors import CapacityError, LimitError

IMAGE = volume_file(Volume(np.zeros((3, 4, 5), np.uint8), np.eye(4)), ".nii.gz")


@pytest.fixture
def place(tmp_path):
    with Datastore.open(tmp_path) as store, Datastore.open(None, ephemeral=True) as visitors:
        yield AppState.of(store, visitors)


def refused(place, monkeypatch, error):
    """Send the image where it cannot be opened."""

    def fail(*given):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(OpenVolumes, "open", fail)
        with pytest.raises(type(error)):
            place.keep("again.nii.gz", io.BytesIO(IMAGE))
    return [entry.id for entry in place.store.images()]


def test_an_image_that_was_kept_stays_where_there_is_no_memory_to_open_it_again(place, monkeypatch):
    kept = place.keep("a.nii.gz", io.BytesIO(IMAGE)).id
    assert refused(place, monkeypatch, CapacityError("no room")) == [kept]


def test_an_image_with_labels_stays_though_it_is_too_large_by_now(place, monkeypatch):
    kept = place.keep("a.nii.gz", io.BytesIO(IMAGE)).id
    place.store.save_label(kept, "final", b"label", ".nii.gz", {}, "t")
    assert refused(place, monkeypatch, LimitError("too large")) == [kept]
    assert list(place.store.labels(kept)) == ["final"]


def test_an_image_that_cannot_be_opened_is_not_kept(place, monkeypatch):
    assert refused(place, monkeypatch, LimitError("too large")) == []
