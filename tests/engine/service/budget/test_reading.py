"""The bytes of a file are reserved before they are unpacked, whatever its header says; files are read once."""

import struct
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.io import read
from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.budget.limits import Limits
from maskwright.engine.service.budget.reading import read_within_budget
from maskwright.engine.service.budget.request_context import RequestContext, set_current_request
from maskwright.engine.service.images.files import volume_file
from maskwright.engine.service.images.open_volumes import OpenVolumes
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive import app
from maskwright.engine.volume import Volume
from maskwright.errors import CapacityError, FileFormatError, LimitError

AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
SHAPE = (10, 20, 30)
SIZE = 10 * 20 * 30 * 4
LIMITS = Limits(unpacked_bytes=100_000)


@pytest.fixture
def visiting():
    """A request with its account."""
    request = RequestContext(LIMITS, Budget(60_000))
    set_current_request(request)
    yield request
    set_current_request(None)


def volume_at(path, fill=1.0):
    mw.write(Volume(np.full(SHAPE, fill, np.float32), AFFINE), path)
    return path


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.ome.zarr"])
def test_a_volume_stays_reserved_after_it_is_read(tmp_path, visiting, name):
    path = volume_at(tmp_path / name)
    visiting.budget = Budget(80_000)  # a shard is there three times while it is unpacked
    assert read_within_budget(path, read).array.nbytes == SIZE
    assert visiting.budget.used_bytes == SIZE
    visiting.end()
    assert visiting.budget.used_bytes == 0


def test_scaled_voxels_are_reserved_at_their_scaled_size(tmp_path, visiting):
    path = tmp_path / "a.nii"
    mw.write(Volume(np.zeros(SHAPE, np.uint8), AFFINE), path)
    stored = bytearray(path.read_bytes())
    stored[112:116] = struct.pack("<f", 2.5)  # scl_slope
    path.write_bytes(stored)
    visiting.reserve(10_000)  # the file came in this request
    volumes = OpenVolumes(SharedImages(), visiting.budget)
    assert volumes.open(SimpleNamespace(path=path, stamp=1)).array.nbytes == SIZE
    assert visiting.budget.used_bytes == 10_000 + SIZE
    visiting.limits = LIMITS.model_copy(update={"unpacked_bytes": SIZE - 1})
    with pytest.raises(LimitError, match=f"unpacks to {SIZE} bytes"):
        volumes.open(SimpleNamespace(path=path, stamp=2))
    assert visiting.budget.used_bytes == 10_000


def test_bytes_that_a_reader_does_not_reserve_are_reserved_after_it(visiting):
    visiting.reserve(10_000)
    made = Volume(np.zeros(SHAPE, np.float32), AFFINE)
    read_within_budget(Path("a"), lambda path: made)
    assert visiting.budget.used_bytes == 10_000 + SIZE
    visiting.release(SIZE)
    visiting.budget.reserve(Reservation("session"), 40_000)
    with pytest.raises(CapacityError):
        read_within_budget(Path("a"), lambda path: made)
    assert visiting.budget.used_bytes == 50_000


def test_a_file_that_there_is_no_room_for_is_not_read(tmp_path, visiting):
    path = volume_at(tmp_path / "a.nii.gz")
    visiting.budget.reserve(Reservation("session"), 40_000)
    with pytest.raises(CapacityError):
        read_within_budget(path, read)
    assert visiting.budget.used_bytes == 40_000


def test_a_file_that_is_sent_is_counted_until_it_is(visiting):
    volume = Volume(np.zeros(SHAPE, np.float32), AFFINE)
    assert visiting.budget.used_bytes == 0
    sent = volume_file(volume, ".nii")
    assert visiting.budget.used_bytes == len(sent) > SIZE
    volume_file(volume, ".nii")
    with pytest.raises(CapacityError):
        volume_file(volume, ".nii")
    visiting.end()
    assert visiting.budget.used_bytes == 0


def test_damaged_and_too_large_files_are_refused(tmp_path, visiting):
    path = volume_at(tmp_path / "a.nii.gz")
    visiting.limits = LIMITS.model_copy(update={"unpacked_bytes": 1000})
    with pytest.raises(LimitError, match="unpacks to 24000 bytes; at most 1000 are taken"):
        read_within_budget(path, read)
    visiting.limits = LIMITS.model_copy(update={"axis_voxels": 29})
    with pytest.raises(LimitError, match="29 voxels an axis"):
        read_within_budget(path, read)
    visiting.limits = LIMITS
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FileFormatError):
        read_within_budget(path, read)
    assert visiting.budget.used_bytes == 0


def test_the_limits_bound_a_packed_array(monkeypatch, visiting):
    most = []
    monkeypatch.setattr(app, "unpack_array", lambda packed, limit: most.append(limit) or np.ones((1, 2)))
    visiting.limits = LIMITS.model_copy(update={"unpacked_bytes": 3 << 30})
    with app.unpacked(b"") as array:
        assert array.shape == (1, 2)
    assert most == [3 << 30]


def test_volumes_are_open_as_long_as_there_is_room_and_read_once(tmp_path):
    memory, reads = Budget(2 * SIZE), []
    volumes = OpenVolumes(SharedImages(), memory)
    paths = [volume_at(tmp_path / f"{fill}.nii.gz", fill) for fill in (1, 2, 3)]

    def work():
        reads.append(volumes.open(SimpleNamespace(path=paths[0], stamp=0)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each.array) for each in reads}) == 1
    first = volumes.open(SimpleNamespace(path=paths[0], stamp=0))
    volumes.open(SimpleNamespace(path=paths[1], stamp=0))
    assert volumes.open(SimpleNamespace(path=paths[0], stamp=0)) is first
    volumes.open(SimpleNamespace(path=paths[2], stamp=0))  # the second one goes for it
    assert (volumes.count, memory.used_bytes) == (2, 2 * SIZE)
    assert volumes.open(SimpleNamespace(path=paths[0], stamp=0)) is first
    memory.reserve(Reservation("session"), 0, first.array)
    memory.reserve(Reservation("session"), SIZE)
    assert memory.used_bytes == 2 * SIZE
    with pytest.raises(CapacityError):
        volumes.open(SimpleNamespace(path=paths[1], stamp=0))
