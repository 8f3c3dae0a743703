"""The real Python client of MONAI Label against our server, and what Slicer, OHIF and QuPath send beside it."""

import gzip
import json
import os
import shutil
import warnings
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

import maskwright as mw
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.protocols.monailabel.app import monailabel_router
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import LabelMap, Volume
from support.serving import served

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # cgi
    client_module = pytest.importorskip("monailabel.client.client")

pytestmark = pytest.mark.clients
SHAPE, SPACING = (20, 40, 44), (2.0, 1.0, 1.0)


def scene():
    grid = np.indices(SHAPE)
    ball = sum(((g - m) * s) ** 2 for g, m, s in zip(grid, (10, 14, 12), SPACING)) < 81
    image = np.random.default_rng(0).normal(100, 4, SHAPE) + 60 * ball
    affine = np.array([[0, 0, -1.0, 30], [0, -1.0, 0, 40], [2.0, 0, 0, -5], [0, 0, 0, 1]])
    return Volume(image.astype(np.float32), affine), ball


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    volume, _ = scene()
    mw.write(volume, data / "one.nii.gz")
    mw.write(Volume(volume.array[::-1].copy(), volume.affine), data / "two.nii.gz")
    with Datastore.open(data) as store:
        app = FastAPI(strict_content_type=False)
        answer_with_problems(app)
        app.include_router(monailabel_router(AppState.of(store), tokens=None))
        with served(app) as address:
            yield address, data


@pytest.fixture
def client(server, tmp_path):
    return client_module.MONAILabelClient(server[0], tmpdir=str(tmp_path), client_id="test")


def first_image(client):
    return next(iter(client.datastore()["objects"]))


@pytest.mark.parametrize("path", ["/datastore/", "/session/"])
def test_damaged_upload_is_refused(server, path):
    address, data = server
    before = httpx.get(f"{address}/datastore/").json()["objects"]
    broken = (data / "one.nii.gz").read_bytes()[:-2000]
    for name, content in (("a.nii.gz", b"no image"), ("a.png", b"no image"), ("a.dcm", b"no"), ("b.nii.gz", broken)):
        file = (name, content)
        answer = httpx.put(address + path, files={"file": file, "files": file})
        assert answer.status_code == 422, answer.text
        assert "the image" in answer.json()["detail"]
        assert name not in answer.json()["detail"]
    assert httpx.get(f"{address}/datastore/").json()["objects"] == before
    uploads = data / "uploads"
    assert not uploads.exists() or not [*uploads.iterdir()]


def test_info(client):
    info = client.info()
    assert not info.get("config")
    assert info["models"]["maskwright"]["type"] == "deepgrow"
    for model in info["models"].values():
        assert model["labels"] == ["object"]
        assert model["description"]
    assert info["datastore"]["total"] >= 2
    assert client.auth_enabled() is False
    assert client.train_status(check_if_running=True) is False


def test_clicks_become_a_mask(client):
    volume, ball = scene()
    image = first_image(client)
    params = {"foreground": [[12, 14, 10]], "background": [], "label": "spleen", "result_extension": ".nrrd"}
    path, answer = client.infer("maskwright", image, params)
    found = mw.read_labels(path)
    assert dice(found.array > 0, ball) > 0.9
    np.testing.assert_allclose(found.affine, volume.affine, atol=1e-4)
    assert answer["label_names"] == {"spleen": 1}
    # A further click is an edit; all clicks sent once more give the same; one taken back begins anew.
    params["background"] = [[12, 20, 10]]
    again = mw.read_labels(client.infer("maskwright", image, params)[0]).array > 0
    assert not again[10, 20, 12]
    np.testing.assert_array_equal(mw.read_labels(client.infer("maskwright", image, params)[0]).array > 0, again)
    params["background"] = []
    np.testing.assert_array_equal(mw.read_labels(client.infer("maskwright", image, params)[0]).array, found.array)


def test_a_box(client):
    _, ball = scene()
    path, _ = client.infer("maskwright", first_image(client), {"roi": [2, 22, 4, 24, 5, 15], "label": "boxed"})
    assert dice(mw.read_labels(path).array > 0, ball) > 0.8


def test_ohif_reads_raw_voxels(server, client):
    _, ball = scene()
    url = f"{server[0]}/infer/maskwright?image={first_image(client)}&output=image"
    params = {"foreground": [[12, 14, 10]], "result_compress": False, "label": "ohif"}
    answer = httpx.post(url, files={"params": (None, json.dumps(params))})
    header, _, voxels = answer.content.partition(b"\n\n")
    assert b"encoding: raw" in header
    mask = np.frombuffer(voxels, np.uint8).reshape(SHAPE)
    assert dice(mask > 0, ball) > 0.9
    packed = httpx.post(url, files={"params": (None, json.dumps(params | {"result_compress": True}))}).content
    assert gzip.decompress(packed.partition(b"\n\n")[2]) == voxels


def test_json_without_content_type(server, client):
    url = f"{server[0]}/infer/maskwright?image={first_image(client)}&output=json"
    answer = httpx.post(url, content=json.dumps({"foreground": [[12, 14, 10]]}))
    assert answer.status_code == 200
    assert answer.json()["label_names"] == {"object": 1}


def test_a_session_of_a_local_volume(client, server, tmp_path):
    volume, ball = scene()
    mw.write(volume, tmp_path / "local.nii.gz")
    session = client.create_session(str(tmp_path / "local.nii.gz"))["session_id"]
    assert client.get_session(session)["session_id"] == session
    path, _ = client.infer("maskwright", "", {"foreground": [[12, 14, 10]]}, session_id=session)
    assert dice(mw.read_labels(path).array > 0, ball) > 0.9
    client.remove_session(session)
    with pytest.raises(client_module.MONAILabelClientException):
        client.get_session("nothing")


def test_upload_label_and_next_image(client, server, tmp_path):
    volume, ball = scene()
    other = Volume(volume.array + 1, volume.affine)
    mw.write(other, tmp_path / "new.nii.gz")
    image = client.upload_image(str(tmp_path / "new.nii.gz"), "new")["image"]
    assert client.upload_image(str(tmp_path / "new.nii.gz"), "other-name")["image"] == image
    before = client.info()["datastore"]
    mw.write(LabelMap(ball.astype(np.uint8), volume.affine), tmp_path / "label.nii.gz")
    info = [{"name": "spleen", "idx": 1}]
    client.save_label(image, str(tmp_path / "label.nii.gz"), "final", {"label_info": info})
    assert client.info()["datastore"]["completed"] == before["completed"] + 1
    assert client.datastore()["objects"][image]["labels"]["final"]["info"]["label_info"] == info
    again = client.download_label(image, "final")
    assert Path(again).read_bytes() == (tmp_path / "label.nii.gz").read_bytes()
    assert client.next_sample("next", {})["id"] != image


def test_label_on_another_grid_is_refused(client, tmp_path):
    image = first_image(client)
    volume, ball = scene()
    mw.write(LabelMap(ball.astype(np.uint8), volume.affine), tmp_path / "good.nii.gz")
    client.save_label(image, str(tmp_path / "good.nii.gz"), "kept")
    mw.write(LabelMap(ball[:-1].astype(np.uint8), volume.affine), tmp_path / "bad.nii.gz")
    with pytest.raises(client_module.MONAILabelClientException):
        client.save_label(image, str(tmp_path / "bad.nii.gz"), "kept")
    assert Path(client.download_label(image, "kept")).read_bytes() == (tmp_path / "good.nii.gz").read_bytes()


def test_propagation_model(client, tmp_path):
    volume, ball = scene()
    drawn = np.where((np.arange(SHAPE[0]) % 4 == 2)[:, None, None], ball, False).astype(np.uint8)
    mw.write(LabelMap(drawn, volume.affine), tmp_path / "drawn.nii.gz")
    path, answer = client.infer(
        "maskwright-propagate", first_image(client), {}, label_in=str(tmp_path / "drawn.nii.gz")
    )
    assert dice(mw.read_labels(path).array > 0, ball) > 0.9
    assert len(answer["slice_confidence"]) == SHAPE[0]


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/infer/nothing?image={image}", {}, 404),
        ("/infer/maskwright?image=..%2F..%2Fetc%2Fpasswd", {"foreground": [[1, 1, 1]]}, 404),
        ("/infer/maskwright?image={image}", {"foreground": [[999, 1, 1]]}, 422),
        ("/infer/maskwright?image={image}", {"foreground": [[1, 1]]}, 422),
        ("/infer/maskwright?image={image}", {"foreground": [[1, 1, "x"]]}, 422),
        ("/infer/maskwright?image={image}", {"foreground": {"a": 1}}, 422),
        ("/infer/maskwright?image={image}", {}, 422),
        ("/infer/maskwright?image={image}", {"foreground": [[1, 1, 1]], "result_extension": "/../x"}, 422),
        ("/infer/maskwright?image={image}", {"roi": [1, 2, 3]}, 422),
        ("/infer/maskwright-propagate?image={image}", {}, 422),
        ("/infer/maskwright", {"foreground": [[1, 1, 1]]}, 422),
    ],
)
def test_bad_requests_are_problems(server, client, path, params, status):
    url = server[0] + path.format(image=first_image(client))
    answer = httpx.post(url, files={"params": (None, json.dumps(params))})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "/" not in answer.json()["detail"].replace("I/O", "") or "passwd" not in answer.json()["detail"]


def test_paths_never_leave_the_data_folder(server):
    for query in ("../one.nii.gz", "%2e%2e%2fetc", "/etc/passwd", "a\x00b", "one.nii.gz"):
        for route in ("/datastore/image?image=", "/datastore/label?tag=final&label=", "/session/"):
            assert httpx.get(
                server[0] + route + httpx.QueryParams({"q": query})["q"].replace("\x00", "%00")
            ).status_code in (404, 422)


def test_an_image_whose_name_is_no_text_is_sent(server, client):
    address, data = server
    odd = data / os.fsdecode(b"\xff.nii.gz")
    shutil.copy(data / "one.nii.gz", odd)
    listed = client.datastore()["objects"]
    image = next(name for name, found in listed.items() if found["image"]["info"]["name"][0] == "?")
    sent = httpx.get(f"{address}/datastore/image", params={"image": image})
    assert sent.status_code == 200
    assert sent.content == odd.read_bytes()
    odd.unlink()


def test_errors_of_an_image_do_not_tell_its_name(server, client):
    folder = server[1]
    (folder / "Doe^Jane.nii.gz").write_bytes(b"no image")
    try:
        image = next(
            i for i, entry in client.datastore()["objects"].items() if "Jane" in entry["image"]["info"]["name"]
        )
        answer = httpx.post(f"{server[0]}/infer/maskwright?image={image}", content='{"foreground": [[1, 1, 1]]}')
        assert answer.status_code == 422
        assert "Jane" not in answer.text
        assert str(folder) not in answer.text
    finally:
        (folder / "Doe^Jane.nii.gz").unlink()
