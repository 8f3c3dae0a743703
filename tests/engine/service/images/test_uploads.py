"""Images that are sent only to be segmented: whose they are, what lies on the disk, and which go first."""

import io
import os
import stat
import threading

import numpy as np
import pytest

from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.images.files import volume_file
from maskwright.engine.service.images.open_volumes import OpenVolumes
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.images.uploads import TransientUploads
from maskwright.engine.volume import Volume
from maskwright.errors import CapacityError, FileFormatError, LimitError, NotFoundError, StorageError


def image_file(value):
    return volume_file(Volume(np.full((3, 4, 5), value, np.uint8), np.eye(4)), ".nii")


SIZE = len(image_file(0))


@pytest.fixture
def volumes():
    return OpenVolumes(SharedImages(), Budget(1 << 20))


@pytest.fixture
def uploads(volumes):
    uploads = TransientUploads(volumes, 4 * SIZE, 1 << 20)
    yield uploads
    uploads.close()


def add(uploads, owner, value, name="smith-john.nii"):
    return uploads.add(owner, name, io.BytesIO(image_file(value)))


def test_upload_belongs_to_its_owner(uploads):
    entry = add(uploads, "ann", 1)
    assert uploads.image("ann", entry.id).name == "smith-john.nii"
    for owner in ("bob", ""):
        with pytest.raises(NotFoundError) as other:
            uploads.image(owner, entry.id)
        with pytest.raises(NotFoundError) as missing:
            uploads.image(owner, "nothing")
        assert str(other.value) == str(missing.value)
        with pytest.raises(NotFoundError):
            uploads.remove(owner, entry.id)
    assert uploads.image("ann", entry.id).path.is_file()


def test_same_content_is_stored_once_for_each_owner(uploads):
    first, again, other = add(uploads, "ann", 1), add(uploads, "ann", 1, "b.nii"), add(uploads, "bob", 1)
    assert again == first
    assert other.id != first.id
    uploads.remove("bob", other.id)
    assert uploads.image("ann", first.id).path.is_file()


def test_names_on_the_disk_are_random_and_private(uploads):
    path = add(uploads, "ann", 1).path
    folder = path.parent.parent
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*")]
    assert not any("smith" in name for name in names)
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (folder, path.parent, path)]
    assert modes == [0o700, 0o700, 0o600]


def test_removed_upload_leaves_no_file_and_no_open_volume(uploads, volumes):
    entry = add(uploads, "ann", 1)
    assert volumes.count == 1
    uploads.remove("ann", entry.id)
    assert volumes.count == 0
    assert not entry.path.parent.exists()
    with pytest.raises(NotFoundError):
        uploads.remove("ann", entry.id)


def test_the_owner_of_most_makes_room(uploads):
    bobs = add(uploads, "bob", 0)
    anns = [add(uploads, "ann", value) for value in (1, 2, 3, 4, 5)]
    assert uploads.image("bob", bobs.id).path.is_file()
    for entry in anns[:2]:
        with pytest.raises(NotFoundError):
            uploads.image("ann", entry.id)
    assert all(uploads.image("ann", entry.id).path.is_file() for entry in anns[2:])


def test_upload_larger_than_the_limit_replaces_all(volumes):
    uploads = TransientUploads(volumes, SIZE - 1, 1 << 20)
    first, second = add(uploads, "ann", 1), add(uploads, "bob", 2)
    with pytest.raises(NotFoundError):
        uploads.image("ann", first.id)
    assert uploads.image("bob", second.id).path.is_file()
    uploads.close()
    assert not second.path.exists()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.nii", image_file(1)[:-9], FileFormatError),
        ("a.png", b"no image", FileFormatError),
        ("a.nii", b"x" * ((1 << 20) + 1), LimitError),
    ],
)
def test_refused_upload_leaves_nothing(uploads, name, content, kind):
    folder = add(uploads, "ann", 1).path.parent.parent
    before = {*folder.iterdir()}
    with pytest.raises(kind):
        uploads.add("ann", name, io.BytesIO(content))
    assert {*folder.iterdir()} == before


def test_want_of_memory_removes_only_a_new_upload(uploads, monkeypatch):
    entry = add(uploads, "ann", 1)

    def fail(*_):
        raise CapacityError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(OpenVolumes, "open", fail)
        for value in (1, 2):
            with pytest.raises(CapacityError):
                add(uploads, "ann", value)
    assert uploads.image("ann", entry.id).path.is_file()
    assert len([*entry.path.parent.parent.iterdir()]) == 1


def test_full_disk_is_a_storage_error(uploads, monkeypatch):
    def full(*_, **__):
        raise OSError(28, os.strerror(28))

    folder = add(uploads, "ann", 1).path.parent.parent
    monkeypatch.setattr("maskwright.engine.service.storage.upload.synced_file", full)
    with pytest.raises(StorageError, match="No space left"):
        add(uploads, "ann", 2)
    assert len([*folder.iterdir()]) == 1


def test_uploads_from_many_threads_are_one(uploads):
    ids = []
    threads = [threading.Thread(target=lambda: ids.append(add(uploads, "ann", 1).id)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 6
    assert len(set(ids)) == 1
    assert len([*uploads.image("ann", ids[0]).path.parent.parent.iterdir()]) == 1
