"""What OHIF's plugin sends and reads: images by SeriesInstanceUID, masks and labels as voxels in the viewer's order."""

import json

import httpx
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

SHAPE = (6, 30, 34)  # slices, rows, columns
LOWER, UPPER = (1, 6, 10), (5, 18, 31)


def scene():
    """A block that lies differently along each axis, in noise."""
    block = np.zeros(SHAPE, bool)
    block[tuple(slice(*ends) for ends in zip(LOWER, UPPER))] = True
    return (np.random.default_rng(0).normal(1000, 5, SHAPE) + 300 * block).astype(np.int16), block


@pytest.fixture(scope="module")
def server(tmp_path_factory, write_series):
    """A server's address, and by the direction of their slices the two series it has."""
    data = tmp_path_factory.mktemp("data")
    image, _ = scene()
    series = {way: write_series(data / f"ct{way}", image[::way], way) for way in (1, -1)}
    mw.write(Volume(image.astype(np.float32), np.eye(4)), data / "one.nii.gz")
    with Datastore.open(data) as store:
        app = FastAPI(strict_content_type=False)
        answer_with_problems(app)
        app.include_router(monailabel_router(AppState.of(store), tokens=None))
        with served(app) as address:
            yield address, series, store


def as_viewed(slices):
    """Return pixels as Cornerstone's volume holds them: slices by their distance along the normal."""

    def depth(dataset):
        orientation = np.array(dataset.ImageOrientationPatient, float)
        return np.dot(np.cross(orientation[:3], orientation[3:]), np.array(dataset.ImagePositionPatient, float))

    return np.stack([dataset.pixel_array for dataset in sorted(slices, key=depth)])


def infer(address, image, **params):
    sent = {"background": [], "result_extension": ".nrrd", "result_compress": False, "restore_label_idx": False}
    url = f"{address}/infer/maskwright?image={image}&output=image"
    return httpx.post(url, files={"params": (None, json.dumps(sent | params))}, timeout=60)


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_a_mask_comes_and_goes_back_in_the_viewers_order(server, way, kind):
    address, series, store = server
    uid = series[way][0].SeriesInstanceUID
    viewed = as_viewed(series[way])
    _, block = scene()
    k, j, i = (np.array(LOWER) + UPPER) // 2
    answer = infer(address, uid, foreground=[[int(i), int(j), int(k)]], result_dtype=kind)
    assert answer.status_code == 200, answer.text
    header, _, voxels = answer.content.partition(b"\n\n")
    assert b'"' not in header  # nrrd-js breaks off at the first quoted text
    mask = np.frombuffer(voxels, np.dtype(kind).newbyteorder("<")).reshape(viewed.shape)
    assert np.median(viewed[mask > 0]) > 1200  # the mask lies where the viewer sees the block
    assert np.count_nonzero(mask & block) > 0.9 * np.count_nonzero(block)
    info = [{"name": "spleen", "segmentIndex": 1}]
    saved = httpx.put(
        f"{address}/datastore/label?image={uid}",
        files={"label": ("label.bin", voxels), "params": (None, json.dumps({"label_info": info}))},
    )
    assert saved.status_code == 200, saved.text
    assert saved.json()["image"] == uid
    label = store.labels(uid)["final"]
    assert label.info.label_info == {"label_info": [info[0] | {"idx": 1}]}
    image, kept = mw.read(store.image(uid).path), mw.read_labels(label.path)
    np.testing.assert_array_equal(image.array + 1024, viewed)
    np.testing.assert_array_equal(kept.array, mask)
    np.testing.assert_allclose(kept.affine, image.affine, atol=1e-4)
    again = httpx.get(f"{address}/datastore/label?label={uid}")
    assert again.content == label.path.read_bytes()


def test_label_numbers_above_a_byte(server):
    address, series, store = server
    uid = series[1][0].SeriesInstanceUID
    drawn = np.zeros(SHAPE, "<u2")
    drawn[1, 2, 3], drawn[5, 29, 0] = 300, 7
    url = f"{address}/datastore/label?image={uid}&tag=wide"
    # The viewer counts the names it was told; the server, as MONAI Label does, the labels that are there.
    info = [{"name": "cyst", "segmentIndex": 0}, {"name": "liver", "idx": 300}, {"name": "none", "segmentIndex": 2}]
    params = (None, json.dumps({"label_info": info}))
    assert httpx.put(url, files={"label": ("label.bin", drawn.tobytes()), "params": params}).status_code == 200
    said = store.labels(uid)["wide"].info.label_info["label_info"]
    assert [one.get("idx") for one in said] == [7, 300, None]
    assert [one["name"] for one in said] == ["cyst", "liver", "none"]
    np.testing.assert_array_equal(mw.read_labels(store.label_path(uid, "wide")).array, drawn)


@pytest.mark.parametrize("size", [0, 1, int(np.prod(SHAPE)) - 1, int(np.prod(SHAPE)) + 1, 3 * int(np.prod(SHAPE))])
def test_a_label_of_another_size_is_refused(server, size):
    address, series, store = server
    uid = series[1][0].SeriesInstanceUID
    answer = httpx.put(f"{address}/datastore/label?image={uid}&tag=short", files={"label": ("label.bin", bytes(size))})
    assert answer.status_code == 422
    assert f"{size} bytes" in answer.json()["detail"]
    assert f"{int(np.prod(SHAPE))} voxels" in answer.json()["detail"]
    assert "short" not in store.labels(uid)


def test_a_label_of_a_plane_and_of_an_image_without_spacing(tmp_path, write_series):
    write_series(tmp_path / "data" / "one", np.zeros((1, 3, 4), np.int16))
    mw.write(Volume(np.zeros((3, 4), np.uint8)), tmp_path / "data" / "two.png")
    with Datastore.open(tmp_path / "data") as store:
        app = FastAPI(strict_content_type=False)
        answer_with_problems(app)
        app.include_router(monailabel_router(AppState.of(store), tokens=None))
        one, two = (entry.id for entry in store.images())
        with served(app) as address:
            label = {"label": ("label.bin", bytes(range(12)))}
            assert httpx.put(f"{address}/datastore/label?image={one}", files=label).status_code == 200
            refused = httpx.put(f"{address}/datastore/label?image={two}", files=label)
        kept = mw.read_labels(store.label_path(one, "final"))
        np.testing.assert_array_equal(kept.array, np.arange(12).reshape(3, 4))
        assert kept.grid.is_same(mw.read(store.image(one).path).grid)
    assert refused.status_code == 422
    assert "spacing" in refused.json()["detail"]


def test_the_type_of_the_voxels_is_one_that_is_known(server):
    address, series, _ = server
    answer = infer(address, series[1][0].SeriesInstanceUID, foreground=[[20, 10, 3]], result_dtype="object")
    assert answer.status_code == 422
    assert "uint16" in answer.json()["detail"]


def test_a_uid_that_nothing_has_is_not_there(server):
    address, _, _ = server
    uid = generate_uid()
    assert infer(address, uid, foreground=[[1, 1, 1]]).status_code == 404
    assert httpx.get(f"{address}/datastore/image?image={uid}").status_code == 404
    label = {"label": ("label.bin", b"0")}
    assert httpx.put(f"{address}/datastore/label?image={uid}", files=label).status_code == 404


@pytest.mark.parametrize("strategy", ["next", "random"])
def test_the_next_image_says_what_the_viewer_opens(server, strategy, tmp_path, write_series):
    image, _ = scene()
    slices = write_series(tmp_path / "data" / "ct", image)
    with Datastore.open(tmp_path / "data") as store:
        app = FastAPI(strict_content_type=False)
        app.include_router(monailabel_router(AppState.of(store), tokens=None))
        with served(app) as address:
            sample = httpx.post(f"{address}/activelearning/{strategy}", json={}).json()
            assert sample["SeriesInstanceUID"] == slices[0].SeriesInstanceUID
            assert sample["StudyInstanceUID"] == slices[0].StudyInstanceUID
            assert (sample["Modality"], sample["PatientID"]) == ("CT", "P-1")
            assert store.image(sample["id"]) == store.image(sample["SeriesInstanceUID"])
            store.save_label(sample["id"], "final", b"x", ".nii.gz", {}, "ann")
            assert httpx.post(f"{address}/activelearning/{strategy}", json={}).json() == {}
