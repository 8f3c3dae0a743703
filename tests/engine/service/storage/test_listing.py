"""Which images a folder holds, and by which ids they are found."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, SegmentationStorage, generate_uid

from maskwright.engine.io import read, write
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Grid, Volume
from maskwright.errors import ConfigError, FileFormatError, InputError, NotFoundError


def save_dicom(path: Path, sop_class: str = CTImageStorage) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)


def paths(store: Datastore, folder: Path) -> list[str]:
    return [entry.path.relative_to(folder).as_posix() for entry in store.images()]


def test_images_have_names_and_safe_ids(store: Datastore, folder: Path) -> None:
    images = store.images()
    assert paths(store, folder) == ["a.nii.gz", "b/one two.nrrd", "c.png"]
    assert [entry.name for entry in images] == ["a.nii.gz", "one two.nrrd", "c.png"]
    assert [entry.format for entry in images] == ["NIfTI", "NRRD", "PNG"]
    assert all(re.fullmatch("[A-Za-z0-9_-]+", entry.id) for entry in images)
    assert images[1].id.startswith("one-two-")
    assert [store.image(entry.id) for entry in images] == images


def test_ids_stay_when_the_folder_moves(store: Datastore, folder: Path, tmp_path: Path) -> None:
    ids = [entry.id for entry in store.images()]
    shutil.copytree(folder, tmp_path / "elsewhere")
    with Datastore.open(tmp_path / "elsewhere") as other:
        assert [entry.id for entry in other.images()] == ids


def test_same_name_in_two_folders_is_two_images(folder: Path) -> None:
    shutil.copy(folder / "a.nii.gz", folder / "b" / "a.nii.gz")
    with Datastore.open(folder) as store:
        assert len({entry.id for entry in store.images()}) == 4


def test_other_files_are_no_images(folder: Path) -> None:
    (folder / "labels" / "final").mkdir(parents=True)
    (folder / "labels" / "final" / "x.nii.gz").write_bytes(b"x")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.nii.gz").write_bytes(b"x")
    (folder / ".x.nii.gz").write_bytes(b"x")
    (folder / "notes.txt").write_text("DICM")
    save_dicom(folder / "seg" / "only.dcm", SegmentationStorage)
    with Datastore.open(folder) as store:
        assert paths(store, folder) == ["a.nii.gz", "b/one two.nrrd", "c.png"]


def test_a_series_is_one_image_without_and_with_suffixes(folder: Path) -> None:
    for number in range(3):
        save_dicom(folder / "ct" / f"{number}.dcm")
        save_dicom(folder / "mr" / f"1.2.{number}")
    with Datastore.open(folder) as store:
        assert paths(store, folder) == ["a.nii.gz", "b/one two.nrrd", "c.png", "ct", "mr"]
        assert {entry.format for entry in store.images()[3:]} == {"DICOM series"}


def test_the_data_folder_itself_may_be_a_series(tmp_path: Path) -> None:
    save_dicom(tmp_path / "0.dcm")
    with Datastore.open(tmp_path) as store:
        (entry,) = store.images()
        store.save_label(entry.id, "final", b"label", ".nrrd", {}, "ann")
        assert store.image(entry.id).path == tmp_path
        assert store.labels(entry.id).keys() == {"final"}


def test_ome_zarr_is_one_image(folder: Path) -> None:
    grid = Grid.from_spacing((4, 5, 6), (2.0, 1.0, 1.0))
    write(Volume(np.ones((4, 5, 6), np.uint8), grid.affine), folder / "z.zarr")
    with Datastore.open(folder) as store:
        entry = store.images()[-1]
        assert (entry.path, entry.format) == (folder / "z.zarr", "OME-Zarr")
        assert read(entry.path).array.shape == (4, 5, 6)
        before = entry.sha256
        (chunk,) = (path for path in entry.path.rglob("*") if path.is_file() and path.name != "zarr.json")
        chunk.write_bytes(chunk.read_bytes() + b"x")
        assert entry.sha256 != before


def test_new_file_is_found_by_its_id(store: Datastore, folder: Path) -> None:
    store.images()
    (folder / "late.png").write_bytes(b"\x89PNG")
    with Datastore.open(folder) as other:
        late = next(entry.id for entry in other.images() if entry.name == "late.png")
    assert store.image(late).path == folder / "late.png"
    (folder / "late.png").unlink()
    with pytest.raises(NotFoundError):
        store.image(late)


def test_hash_is_computed_once_for_each_content(
    store: Datastore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = store.images()[0]
    before = entry.sha256
    with monkeypatch.context() as patched:
        patched.setattr("hashlib.file_digest", lambda *_: pytest.fail("read again"))
        assert store.images()[0].sha256 == before
    entry.path.write_bytes(b"other bytes")
    assert entry.sha256 != before
    entry.path.unlink()
    with pytest.raises(NotFoundError):
        _ = entry.sha256


class TestLinks:
    def test_links_out_of_the_folder_are_not_followed(self, folder: Path, tmp_path: Path) -> None:
        secret = tmp_path / "secret.nii.gz"
        secret.write_bytes(b"secret")
        (tmp_path / "others").mkdir()
        (tmp_path / "others" / "x.png").write_bytes(b"x")
        (folder / "out.nii.gz").symlink_to(secret)
        (folder / "others").symlink_to(tmp_path / "others")
        (folder / "loop.nii.gz").symlink_to(folder / "loop.nii.gz")
        (folder / "round").symlink_to(folder)
        with Datastore.open(folder) as store:
            assert paths(store, folder) == ["a.nii.gz", "b/one two.nrrd", "c.png"]

    def test_links_inside_are(self, folder: Path) -> None:
        (folder / "again.png").symlink_to(folder / "c.png")
        with Datastore.open(folder) as store:
            assert "again.png" in paths(store, folder)

    def test_a_series_with_one_slice_elsewhere_is_no_image(self, folder: Path, tmp_path: Path) -> None:
        save_dicom(folder / "ct" / "0.dcm")
        save_dicom(tmp_path / "1.dcm")
        (folder / "ct" / "1.dcm").symlink_to(tmp_path / "1.dcm")
        with Datastore.open(folder) as store:
            assert "ct" not in paths(store, folder)

    def test_an_image_that_becomes_a_link_out_is_gone(self, store: Datastore, folder: Path, tmp_path: Path) -> None:
        entry = store.images()[0]
        (tmp_path / "secret").write_bytes(b"secret")
        entry.path.unlink()
        entry.path.symlink_to(tmp_path / "secret")
        with pytest.raises(NotFoundError):
            store.image(entry.id)


class TestSettings:
    @pytest.mark.parametrize(("text", "region"), [("", None), ('region = "eu-central"', "eu-central")])
    def test_region(self, folder: Path, text: str, region: str | None) -> None:
        (folder / "datastore.toml").write_text(text)
        with Datastore.open(folder) as store:
            assert store.region == region

    @pytest.mark.parametrize(
        "text", ['regoin = "eu"', "region = 1", 'region = ""', 'region = "EU"', 'region = "a\\nb"', "region", "\xff"]
    )
    def test_invalid_settings_are_refused(self, folder: Path, text: str) -> None:
        (folder / "datastore.toml").write_bytes(text.encode("latin-1"))
        with pytest.raises(ConfigError):
            Datastore.open(folder)

    def test_broken_link_to_settings_is_refused(self, folder: Path) -> None:
        (folder / "datastore.toml").symlink_to(folder / "missing")
        with pytest.raises(ConfigError):
            Datastore.open(folder)


def test_missing_folder_is_refused(folder: Path) -> None:
    for wrong in (folder / "missing", folder / "c.png"):
        with pytest.raises(FileFormatError):
            Datastore.open(wrong)
    with pytest.raises(InputError):
        Datastore.open(None)


def test_names_that_are_not_text_are_listed(folder: Path) -> None:
    path = os.fsencode(folder) + b"/\xff\xfe.png"
    with open(path, "wb") as file:  # noqa: PTH123 - bytes
        file.write(b"x")
    with Datastore.open(folder) as store:
        entry = next(entry for entry in store.images() if entry.name == "??.png")
        assert store.image(entry.id).sha256
