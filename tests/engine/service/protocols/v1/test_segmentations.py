"""Sessions on a DICOM series are saved as DICOM SEG that refers to it; other images are told what to do."""

import io
import shutil
import sys

import httpx
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

import maskwright as mw
from maskwright.engine.io import read_labels
from maskwright.engine.service.access import LOCAL, Policy
from maskwright.engine.service.app import labels_app
from maskwright.engine.service.http.authorization import Authorizer
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.images.files import _segment_name, segmentation_file
from maskwright.engine.service.protocols.v1.page_session import page_leases
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import InputError
from support.serving import protected, served

hd = pytest.importorskip("highdicom")
SHAPE = (6, 24, 20)
SLOPED = np.array([0.8, 0.6, 0, 0, 0, -1.0])


def write_series(folder):
    """Write a bright box as a sloped series whose files' names say nothing of their order; return its slices."""
    stored = np.random.default_rng(0).normal(1000, 3, SHAPE)
    stored[1:5, 5:15, 4:14] += 200
    folder.mkdir()
    study, series, frame = (generate_uid() for _ in range(3))
    slices = []
    for number, pixels in enumerate(stored):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        for field in ("PatientBirthDate", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"):
            setattr(dataset, field, "")
        dataset.PatientName, dataset.PatientID, dataset.PatientSex, dataset.StudyID = "DOE^JANE", "12345", "O", "1"
        dataset.SeriesNumber, dataset.InstanceNumber, dataset.Modality = 1, number + 1, "CT"
        normal = np.cross(SLOPED[:3], SLOPED[3:])
        dataset.ImagePositionPatient = list(np.round([-10, -20, 30] + 2.5 * number * normal, 6))
        dataset.ImageOrientationPatient, dataset.PixelSpacing, dataset.SliceThickness = list(SLOPED), [0.75, 0.5], 2.5
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.PixelData = pixels.astype("<u2").tobytes()
        pydicom.dcmwrite(folder / f"s{(5 * number) % 7}.dcm", dataset, enforce_file_format=True)
        slices.append(dataset)
    return slices


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A client of a server on a series and a file, the store, and the slices of the series."""
    folder = tmp_path_factory.mktemp("data")
    slices = write_series(folder / "series")
    mw.write(Volume(np.zeros((4, 8, 8), np.float32), np.eye(4)), folder / "plain.nii.gz")
    with Datastore.open(folder) as store:
        state = AppState.of(store)
        pages = page_leases(state, None, 20)
        app = labels_app(state, None, None, ServiceMetrics(), pages)
        app = protected(app, Authorizer(Policy.read(), None, LOCAL, None, None))
        with served(app) as address, httpx.Client(base_url=address, timeout=60) as client:
            yield client, store, slices


def begin(client, store, name):
    image = next(entry.id for entry in store.images() if entry.name == name)
    found = client.post("/api/v1/sessions", json={"image": image}).json()
    return image, f"/api/v1/sessions/{found['session']}", found


def ask(client, at, what, json=None):
    found = client.post(f"{at}/{what}", json=json)
    assert found.status_code == 200, found.text
    return found.json()


def labels_in(data, path):
    path.write_bytes(data)
    return read_labels(path)


def test_a_segmentation_is_the_mask_on_the_series_with_its_names(asked, tmp_path):
    client, store, slices = asked
    image, at, begun = begin(client, store, "series")
    assert begun["formats"] == ["nifti", "dicom-seg"]
    ask(client, at, "prompts", {"object": 1, "kind": "point", "index": [3, 10, 9]})
    ask(client, at, "objects", {"name": "left\\upper\nlobe"})
    ask(client, at, "objects", {"name": "cyst"})
    assert client.patch(f"{at}/objects/1", json={"locked": True}).status_code == 200
    ask(client, at, "prompts", {"object": 3, "kind": "scribble", "voxels": [[0, 1, 1], [0, 1, 2]]})
    whole = labels_in(client.get(f"{at}/label.nii.gz").content, tmp_path / "label.nii.gz")
    assert set(np.unique(whole.array)) == {0, 1, 3}
    assert ask(client, at, "save", {"tag": "final", "format": "dicom-seg"})["tag"] == "final"

    again = labels_in(client.get(f"{at}/labels/final").content, tmp_path / "label.nii")
    np.testing.assert_array_equal(again.array, whole.array)
    assert again.grid.is_same(whole.grid)
    saved = store.labels(image)["final"]
    assert saved.path.name == f"{image}.seg.dcm"
    assert [each["name"] for each in saved.info.label_info["label_info"]] == ["object 1", "left\\upper\nlobe", "cyst"]

    found = client.get(f"{at}/label.seg.dcm")
    assert found.headers["content-type"] == "application/dicom"
    assert "label.seg.dcm" in found.headers["content-disposition"]
    segmentation = hd.seg.segread(io.BytesIO(found.content))
    assert segmentation.StudyInstanceUID == slices[0].StudyInstanceUID
    assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == slices[0].SeriesInstanceUID
    referred = {uids[2] for uids in segmentation.get_source_image_uids()}
    assert referred == {dataset.SOPInstanceUID for dataset in slices}
    names = {each.SegmentNumber: each.SegmentLabel for each in segmentation.SegmentSequence if each.SegmentNumber}
    assert names == {1: "object 1", 3: "cyst"}
    np.testing.assert_array_equal(labels_in(found.content, tmp_path / "label.seg.dcm").array, whole.array)

    assert ask(client, at, "save", {"tag": "final"})["tag"] == "final"
    assert store.labels(image)["final"].path.name == f"{image}.nii.gz"
    assert [path.name for path in store.versions(image, "final")] == [f"{image}.1.seg.dcm"]


def test_a_session_begun_by_uid_saves_to_the_image_that_was_seen(tmp_path):
    uid = write_series(tmp_path / "seen")[0].SeriesInstanceUID
    store = Datastore.open(tmp_path)
    state = AppState.of(store)
    app = labels_app(state, None, None, ServiceMetrics(), page_leases(state, None, 20))
    with store, served(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        seen = store.images()[0].id
        at = f"/api/v1/sessions/{client.post('/api/v1/sessions', json={'image': uid}).json()['session']}"
        ask(client, at, "prompts", {"object": 1, "kind": "point", "index": [3, 10, 9]})
        shutil.copytree(tmp_path / "seen", tmp_path / "earlier")  # the UID now means this folder
        assert store.dicom_series()[0].image != seen
        assert ask(client, at, "save", {"tag": "final"})["image"] == seen
        assert {entry.id: list(store.labels(entry.id)) for entry in store.images()}[seen] == ["final"]


def test_an_image_that_is_no_series_is_told_what_to_do(asked):
    client, store, _ = asked
    image, at, begun = begin(client, store, "plain.nii.gz")
    assert begun["formats"] == ["nifti"]
    refused = client.post(f"{at}/save", json={"tag": "x", "format": "dicom-seg"}), client.get(f"{at}/label.seg.dcm")
    for found in refused:
        assert found.status_code == 422
        assert "save as NIfTI" in found.json()["detail"]
    assert client.post(f"{at}/save", json={"tag": "x", "format": "png"}).status_code == 422
    assert store.labels(image) == {}


def test_a_series_whose_headers_lack_something_is_told_what_to_do(asked, tmp_path):
    write_series(tmp_path / "bare")
    for path in (tmp_path / "bare").iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.PatientID
        dataset.save_as(path)
    with Datastore.open(tmp_path) as store:
        image = store.images()[0]
        volume = mw.read(image.path)
        labels = LabelMap(np.ones(volume.grid.shape, np.uint8), volume.affine)
        with pytest.raises(InputError, match="PatientID; save as NIfTI") as raised:
            segmentation_file(labels, image, {1: "x"})
    assert "DOE" not in str(raised.value)


def test_without_highdicom_it_is_not_offered_and_said_in_one_line(asked, monkeypatch):
    client, store, _ = asked
    monkeypatch.setitem(sys.modules, "highdicom", None)
    image, at, begun = begin(client, store, "series")
    assert begun["formats"] == ["nifti"]
    found = client.post(f"{at}/save", json={"tag": "y", "format": "dicom-seg"})
    assert found.status_code == 422
    assert "maskwright[dicom]" in found.json()["detail"]
    assert len(found.json()["detail"].splitlines()) == 1
    assert "y" not in store.labels(image)


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("liver", "liver"),
        ("left\\upper\nlobe", "left/upper lobe"),
        ("\x00", "object"),
        ("Lunge, übrige", "Lunge, übrige"),
    ],
)
def test_names_as_dicom_takes_them(name, segment):
    assert _segment_name(name) == segment
