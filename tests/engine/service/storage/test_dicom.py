"""DICOM series of a folder by their UIDs, and what is read when."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from maskwright.engine.service.storage import Datastore, dicom_index
from maskwright.engine.service.storage.dicom_file import is_uid
from maskwright.engine.service.storage.names import is_image_id
from maskwright.errors import NotFoundError

STUDY = "1.2.3"


def save(path: Path, series: str, number: int, uid: str | None = None, study: str = STUDY) -> str:
    """Write a slice without pixels, and return its UID."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid or generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.InstanceNumber = study, series, number
    dataset.PatientID, dataset.Modality, dataset.Rows, dataset.Columns = "P", "CT", 4, 5
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return str(dataset.SOPInstanceUID)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two folders: one series, of three slices whose names are not in order, and two series."""
    folder = tmp_path / "data"
    for number in range(3):
        save(folder / "b" / f"{3 - number}.dcm", "1.2.3.1", number)
    save(folder / "c" / "0.dcm", "1.2.3.3", 1)
    save(folder / "c" / "1.dcm", "1.2.3.2", 1)
    (folder / "b" / "notes.txt").write_text("DICM")
    (folder / "b" / "damaged.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    return folder


@pytest.fixture
def store(data: Path) -> Iterator[Datastore]:
    with Datastore.open(data) as opened:
        yield opened


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose headers are read from now on."""
    seen: list[Path] = []
    real = dicom_index.read_instance
    monkeypatch.setattr(dicom_index, "read_instance", lambda path: seen.append(path) or real(path))
    return seen


def test_a_uid_is_another_name_of_an_image(store: Datastore, data: Path) -> None:
    assert store.image("1.2.3.1").path == data / "b"
    assert store.image("1.2.3.2") == store.image("1.2.3.3") == store.image(store.image("1.2.3.2").id)
    store.save_label("1.2.3.1", "final", b"x", ".nii.gz", {}, "ann")
    assert store.labels(store.image("1.2.3.1").id).keys() == {"final"}
    with pytest.raises(NotFoundError):
        store.image("1.2.3.4")


def test_series_in_order_with_their_slices_by_number(store: Datastore) -> None:
    found = store.dicom_series()
    assert [series.uid for series in found] == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    assert [instance.path.name for instance in found[0].instances] == ["3.dcm", "2.dcm", "1.dcm"]
    assert {series.study for series in found} == {STUDY}
    assert (found[0].first("00080060"), found[0].first("00100020"), found[0].first("00080020")) == ("CT", "P", "")
    assert found[0].instances[0].frames == 1


def test_headers_are_read_once_for_each_change(store: Datastore, data: Path, read: list[Path]) -> None:
    store.image("1.2.3.1")
    assert len(read) == len(set(read)) == 7
    read.clear()
    for _ in range(3):
        store.image("1.2.3.1")
        store.dicom_series()
    assert read == []
    later = data / "b" / "later.dcm"
    save(later, "1.2.3.1", 9)
    assert store.dicom_series_of("1.2.3.1").instances[-1].path == later
    assert read == [later]
    save(later, "1.2.3.9", 9)
    os.utime(later, ns=(1, 1))
    assert store.image("1.2.3.9").path == data / "b"
    assert read == [later, later]
    shutil.rmtree(data / "b")
    with pytest.raises(NotFoundError):
        store.image("1.2.3.1")
    assert read == [later, later]


def test_of_two_folders_with_one_series_it_is_the_first(store: Datastore, data: Path) -> None:
    shutil.copytree(data / "b", data / "a")
    (data / "a" / "1.dcm").unlink()
    (data / "a" / "extra.dcm").unlink(missing_ok=True)
    found = store.dicom_series()
    assert store.image("1.2.3.1").path == data / "a"
    assert [series.uid for series in found] == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    assert {instance.path.parent for instance in found[0].instances} == {data / "a"}


def test_one_slice_twice_and_slices_of_another_study_are_left_out(store: Datastore, data: Path) -> None:
    shutil.copy(data / "b" / "1.dcm", data / "b" / "0.dcm")
    save(data / "b" / "9.dcm", "1.2.3.1", 9, study="1.2.9")
    instances = store.dicom_series_of("1.2.3.1").instances
    assert [instance.path.name for instance in instances] == ["3.dcm", "2.dcm", "0.dcm"]


def test_a_slice_that_becomes_a_link_out_is_gone(store: Datastore, data: Path, tmp_path: Path) -> None:
    series = store.dicom_series_of("1.2.3.1")
    assert store.dicom_path(series.instances[0]) == data / "b" / "3.dcm"
    shutil.move(data / "b" / "3.dcm", tmp_path / "3.dcm")
    (data / "b" / "3.dcm").symlink_to(tmp_path / "3.dcm")
    with pytest.raises(NotFoundError):
        store.dicom_path(series.instances[0])
    with pytest.raises(NotFoundError):
        store.dicom_series_of("1.2.3.1")


@pytest.mark.parametrize("bad", ["", "1", "1.", "1..2", "../..", "1.2/3", "1.2\0", "1.2\n", "1." * 600 + "1", "١.٢"])
def test_invalid_uids(store: Datastore, bad: str) -> None:
    assert not is_uid(bad)
    with pytest.raises(NotFoundError):
        store.image(bad)


@settings(max_examples=200)
@given(st.text("0123456789.-_aZ", max_size=70))
def test_nothing_is_both_a_uid_and_an_id(text: str) -> None:
    assert not (is_uid(text) and is_image_id(text))


def test_files_without_uids_or_with_impossible_ones_are_no_instances(store: Datastore, data: Path) -> None:
    for name, series in (("x", ""), ("y", "../../etc"), ("z", "1.2." + "9" * 70)):
        with pydicom.config.disable_value_validation():
            save(data / name / "0.dcm", series, 1)
    assert len(store.images()) == 5
    assert [series.uid for series in store.dicom_series()] == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
