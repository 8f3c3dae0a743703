"""What a page asks over JSON is what an assist session does; only its owner gets at it."""

import base64
import tempfile
from pathlib import Path

import httpx
import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.assist.propagate import propagate
from maskwright.engine.service.access import LOCAL, Policy, Tokens, new_token
from maskwright.engine.service.app import labels_app
from maskwright.engine.service.budget.limits import Limits
from maskwright.engine.service.http.authorization import Authorizer
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.protocols.v1.page_session import page_leases
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from maskwright.interactive import crop
from support.serving import protected, served

SHAPE = (8, 20, 28)
AFFINE = np.array([[0, 0, -1.0, 9], [0, 1.5, 0, -4], [3.0, 0, 0, 2], [0, 0, 0, 1]])
INSIDE, OTHER = [4, 8, 8], [4, 10, 22]


def phantom():
    image = np.random.default_rng(1).normal(100, 3, SHAPE)
    image[2:7, 4:13, 4:14] += 80
    image[2:7, 6:15, 18:26] += 80
    return Volume(image.astype(np.float32), AFFINE)


LIMITS = Limits()


def serving(folder, limits=LIMITS, tokens=None):
    """The app that is served, guarded, and its store."""
    store = Datastore.open(folder)
    state = AppState.of(store, limits)
    pages = page_leases(state, None, limits.sessions)
    app = labels_app(state, tokens, None, ServiceMetrics(), pages)
    return protected(app, Authorizer(Policy.read(), tokens, LOCAL, None, None)), store


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A client of a server on one image, the image's id, and the store."""
    folder = tmp_path_factory.mktemp("data")
    mw.write(phantom(), folder / "a.nii.gz")
    app, store = serving(folder)
    with served(app) as address, httpx.Client(base_url=f"{address}/api/v1", timeout=60) as client:
        yield client, store.images()[0].id, store


@pytest.fixture
def begun(asked):
    """A client of one session, whose masks it keeps from what changed."""
    client, image, _ = asked
    page = Page(client, client.post("/sessions", json={"image": image}).json())
    yield page
    page.client.delete(page.at)


class Page:
    """Masks, made of nothing but the answers."""

    def __init__(self, client, begun):
        self.client, self.begun, self.at = client, begun, f"/sessions/{begun['session']}"
        self.labels = np.zeros(begun["shape"], np.uint8)

    def post(self, what, json=None):
        found = self.client.post(f"{self.at}/{what}", json=json)
        assert found.status_code == 200, found.text
        for each in found.json().get("changed", []):
            if each["box"] is None:
                continue
            shape = [high - low for low, high in each["box"]]
            bits = np.frombuffer(base64.b64decode(each["bits"]), np.uint8)
            mask = np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)
            part = self.labels[tuple(slice(low, high) for low, high in each["box"])]
            part[part == each["object"]] = 0
            part[mask] = each["object"]
        return found.json()

    def point(self, index, number=1, positive=True):
        said = {"object": number, "kind": "point", "index": index, "positive": positive}
        return self.post("prompts", said)

    def downloaded(self):
        return labels_of(self.client.get(f"{self.at}/label.nii.gz").content)


def labels_of(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "label.nii.gz"
        path.write_bytes(data)
        return mw.read_labels(path)


def test_prompts_give_the_masks_of_an_assist_session(begun):
    assert begun.begun["shape"] == list(SHAPE)
    assert begun.begun["spacing_mm"] == [3.0, 1.5, 1.0]
    assert begun.begun["objects"] == [{"number": 1, "name": "object 1", "locked": False}]
    own = mw.AssistSession()
    own.set_image(phantom().array, (3.0, 1.5, 1.0))
    begun.point(INSIDE)
    own.add_point(INSIDE)
    stroke = [[4, 8, x] for x in range(15, 18)]
    begun.post("prompts", {"object": 1, "kind": "scribble", "voxels": stroke, "positive": False})
    drawn = np.zeros(SHAPE, bool)
    drawn[4, 8, 15:18] = True
    own.add_scribble(drawn, positive=False)
    begun.post("prompts", {"object": 1, "kind": "box", "lower": [4, 4, 4], "upper": [5, 13, 14]})
    edit = own.add_box((4, 4, 4), (5, 13, 14))
    assert edit.mask.sum() > 100
    np.testing.assert_array_equal(begun.labels == 1, edit.mask)
    np.testing.assert_array_equal(begun.downloaded().array == 1, edit.mask)


def test_an_answer_says_that_the_largest_crop_cut_the_mask(begun, monkeypatch):
    assert begun.point(INSIDE)["cut"] is False
    begun.post("undo")
    for sides in (crop.START_SIDE, crop.LARGEST_SIDE):
        monkeypatch.setitem(sides, 3, 6)
    stroke = {"object": 1, "kind": "scribble", "voxels": [[4, 8, x] for x in range(4, 14)], "positive": True}
    assert begun.post("prompts", stroke)["cut"] is True  # its crop holds the stroke and no voxel more
    assert begun.post("undo")["cut"] is False


def test_undo_and_redo_of_two_objects(begun):
    begun.point(INSIDE)
    one = begun.labels.copy()
    added = begun.client.post(f"{begun.at}/objects", json={"name": "second"}).json()
    assert (added["object"], added["active"]) == (2, 2)
    found = begun.point(INSIDE, number=2)
    assert {each["object"] for each in found["changed"]} == {1, 2}
    two = begun.labels.copy()
    assert (two == 2).any()
    begun.post("undo")
    np.testing.assert_array_equal(begun.labels, one)
    begun.post("undo")
    assert not begun.labels.any()
    assert begun.post("undo") == {"changed": [], "ran": False, "cut": False}
    begun.post("redo")
    np.testing.assert_array_equal(begun.labels, one)
    begun.post("redo")
    np.testing.assert_array_equal(begun.labels, two)
    assert begun.post("redo") == {"changed": [], "ran": False, "cut": False}
    np.testing.assert_array_equal(begun.downloaded().array, two)


def test_locked_object_keeps_its_voxels(begun):
    begun.point(INSIDE)
    begun.client.post(f"{begun.at}/objects", json={"name": "second"})
    found = begun.client.patch(f"{begun.at}/objects/1", json={"locked": True, "name": "liver", "active": True}).json()
    assert found["objects"][0] == {"number": 1, "name": "liver", "locked": True}
    assert found["active"] == 1
    before = begun.labels.copy()
    begun.point([4, 8, 9], number=2)
    np.testing.assert_array_equal(begun.labels == 1, before == 1)
    said = {"object": 1, "kind": "point", "index": INSIDE}
    refused = begun.client.post(f"{begun.at}/prompts", json=said)
    assert refused.status_code == 422
    assert "locked" in refused.json()["detail"]
    sliced = {"object": 1, "axis": 0, "given": [4]}
    assert "locked" in begun.client.post(f"{begun.at}/propagate", json=sliced).json()["detail"]


def test_propagation_fills_its_range_and_is_undone(begun):
    begun.post("prompts", {"object": 1, "kind": "scribble", "voxels": [[0, 1, 1]]})
    begun.point(INSIDE)
    before = begun.labels.copy()
    found = begun.post("propagate", {"object": 1, "axis": 0, "given": [4], "from": 3, "to": 7})
    sparse = np.zeros(SHAPE, bool)
    sparse[4] = before[4] == 1
    filled = propagate(phantom(), sparse, given=[4], start=3, stop=7)
    np.testing.assert_array_equal(begun.labels[3:7] == 1, filled.mask[3:7])
    np.testing.assert_array_equal(begun.labels[:3], before[:3])
    np.testing.assert_array_equal(begun.labels[7:], before[7:])
    np.testing.assert_allclose(found["confidence"], filled.confidence, atol=1e-4)
    begun.post("undo")
    np.testing.assert_array_equal(begun.labels, before)


def test_save_is_a_label_with_names(begun, asked):
    client, image, store = asked
    begun.point(INSIDE)
    begun.client.post(f"{begun.at}/objects", json={"name": "kidney"})
    begun.point(OTHER, number=2)
    assert begun.post("save", {"tag": "draft"})["tag"] == "draft"
    saved = store.labels(image)["draft"]
    np.testing.assert_array_equal(mw.read_labels(saved.path).array, begun.labels)
    assert set(np.unique(begun.labels)) == {0, 1, 2}
    assert mw.read_labels(saved.path).grid.is_same(phantom().grid)
    assert [(each["name"], each["idx"]) for each in saved.info.label_info["label_info"]] == [
        ("object 1", 1),
        ("kidney", 2),
    ]
    assert saved.info.author == "local"
    again = client.get(f"{begun.at}/labels/draft").content
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "label.nii").write_bytes(again)
        np.testing.assert_array_equal(mw.read_labels(Path(folder) / "label.nii").array, begun.labels)
    assert client.get(f"{begun.at}/labels/none").status_code == 404
    assert client.post(f"{begun.at}/save", json={"tag": "../x"}).status_code == 422


def test_label_of_a_changed_image_is_refused(tmp_path):
    mw.write(phantom(), tmp_path / "a.nii.gz")
    app, store = serving(tmp_path)
    image = store.images()[0].id
    with served(app) as address, httpx.Client(base_url=f"{address}/api/v1", timeout=60) as client:
        page = Page(client, client.post("/sessions", json={"image": image}).json())
        page.point(INSIDE)
        kept = (tmp_path / "a.nii.gz").read_bytes()
        mw.write(Volume(phantom().array[::-1].copy(), AFFINE), tmp_path / "a.nii.gz")
        refused = client.post(f"{page.at}/save", json={"tag": "final"})
        assert refused.status_code == 422
        assert "has changed" in refused.json()["detail"]
        assert store.labels(image) == {}
        np.testing.assert_array_equal(page.downloaded().array, page.labels)
        (tmp_path / "a.nii.gz").write_bytes(kept)  # at another time, but the same image
        page.post("save", {"tag": "final"})
        assert list(store.labels(image)) == ["final"]


def test_the_image_comes_in_the_axes_of_the_prompts(begun, tmp_path):
    (tmp_path / "image.nii").write_bytes(begun.client.get(f"{begun.at}/image.nii").content)
    found = mw.read(tmp_path / "image.nii")
    np.testing.assert_array_equal(found.array, phantom().array)
    np.testing.assert_allclose(found.affine, AFFINE)


@pytest.mark.parametrize(
    ("what", "json"),
    [
        ("prompts", {"object": 1, "kind": "point", "index": [4, 8, 28]}),
        ("prompts", {"object": 1, "kind": "point", "index": [4, 8]}),
        ("prompts", {"object": 1, "kind": "point"}),
        ("prompts", {"object": 1, "kind": "lasso", "index": [4, 8, 8]}),
        ("prompts", {"object": 2, "kind": "point", "index": [4, 8, 8]}),
        ("prompts", {"object": 1, "kind": "point", "index": [4, 8, 8], "label": 3}),
        ("prompts", {"object": 1, "kind": "point", "index": [4, 8, 1e400]}),
        ("prompts", {"object": 1, "kind": "box", "lower": [4, 8, 8], "upper": [4, 9, 9]}),
        ("prompts", {"object": 1, "kind": "box", "lower": [4, 8, 8], "upper": [5, 9, 9], "positive": False}),
        ("prompts", {"object": 1, "kind": "scribble", "voxels": [[4, 8, 8], [8, 0, 0]]}),
        ("prompts", {"object": 1, "kind": "scribble", "voxels": [[4, 8, 8], [4, 8]]}),
        ("prompts", {"object": 1, "kind": "scribble", "voxels": []}),
        ("propagate", {"object": 1, "axis": 3, "given": [1]}),
        ("propagate", {"object": 1, "axis": 0, "given": [8]}),
        ("propagate", {"object": 1, "axis": 0, "given": [1], "from": 5, "to": 5}),
        ("propagate", {"object": 1, "axis": 0, "given": []}),
        ("objects", {"name": ""}),
        ("objects", {}),
        ("save", {}),
    ],
)
def test_refused_request_changes_nothing(begun, what, json):
    import json as text

    body = text.dumps(json).replace("Infinity", "1e999")
    found = begun.client.post(f"{begun.at}/{what}", content=body)
    assert found.status_code == 422
    assert found.headers["content-type"] == "application/problem+json"
    assert len(found.json()["detail"].splitlines()) == 1
    assert not begun.downloaded().array.any()


def test_session_is_its_owners_alone(tmp_path):
    tokens = {name: new_token(name, "annotator", None) for name in ("ann", "bob")}
    (tmp_path / "tokens.toml").write_text("\n".join(token.entry for token in tokens.values()))
    (tmp_path / "tokens.toml").chmod(0o600)
    (tmp_path / "data").mkdir()
    mw.write(phantom(), tmp_path / "data" / "a.nii.gz")
    app, store = serving(tmp_path / "data", tokens=Tokens.read(tmp_path / "tokens.toml"))
    ann, bob = ({"Authorization": f"Bearer {tokens[name].secret}"} for name in ("ann", "bob"))
    with served(app) as address:
        at = f"{address}/api/v1/sessions"
        begun = httpx.post(at, json={"image": store.images()[0].id}, headers=ann, timeout=60).json()
        at = f"{at}/{begun['session']}"
        assert httpx.post(f"{at}/undo", headers=bob).status_code == 410
        assert httpx.get(f"{at}/image.nii", headers=bob).status_code == 410
        httpx.delete(at, headers=bob)
        assert httpx.post(f"{at}/undo", headers=ann).status_code == 200
        httpx.delete(at, headers=ann)
        assert httpx.post(f"{at}/undo", headers=ann).status_code == 410


def test_sessions_are_bounded(tmp_path):
    mw.write(phantom(), tmp_path / "a.nii.gz")
    app, store = serving(tmp_path, Limits(sessions=1, memory_bytes=phantom().array.nbytes + 8 * 20 * 28))
    image = store.images()[0].id
    with served(app) as address:
        at = f"{address}/api/v1/sessions"
        assert httpx.post(at, json={"image": "none"}).status_code == 404
        begun = httpx.post(at, json={"image": image}, timeout=60)
        assert begun.status_code == 200
        assert httpx.post(at, json={"image": image}).status_code == 503
        at = f"{at}/{begun.json()['session']}"
        assert httpx.post(f"{at}/objects", json={"name": "x"}).status_code == 503
        assert httpx.post(f"{at}/prompts", json={"object": 2, "kind": "point", "index": INSIDE}).status_code == 422


def test_viewer_may_only_look(tmp_path):
    tokens = {role: new_token(role, role, None) for role in ("viewer", "annotator")}
    (tmp_path / "tokens.toml").write_text("\n".join(token.entry for token in tokens.values()))
    (tmp_path / "tokens.toml").chmod(0o600)
    (tmp_path / "data").mkdir()
    mw.write(phantom(), tmp_path / "data" / "a.nii.gz")
    app, store = serving(tmp_path / "data", tokens=Tokens.read(tmp_path / "tokens.toml"))
    image = store.images()[0].id
    with served(app) as address:
        at = f"{address}/api/v1/sessions"
        viewer, annotator = (
            httpx.Client(headers={"Authorization": f"Bearer {tokens[role].secret}"}, timeout=60)
            for role in ("viewer", "annotator")
        )
        with viewer, annotator:
            drawn = f"{at}/{annotator.post(at, json={'image': image}).json()['session']}"
            said = {"object": 1, "kind": "point", "index": INSIDE}
            assert annotator.post(f"{drawn}/prompts", json=said).status_code == 200
            assert annotator.post(f"{drawn}/save", json={"tag": "final"}).status_code == 200
            begun = viewer.post(at, json={"image": image})
            assert (begun.status_code, begun.json()["formats"]) == (200, ["nifti"])
            mine = f"{at}/{begun.json()['session']}"
            assert viewer.get(f"{mine}/image.nii").status_code == 200
            assert len(viewer.get(f"{mine}/labels/final").content) > phantom().array.size
            for method, what, json in (
                ("POST", "prompts", said),
                ("POST", "undo", None),
                ("POST", "redo", None),
                ("POST", "propagate", {"object": 1, "axis": 0, "given": [4]}),
                ("POST", "objects", {"name": "x"}),
                ("PATCH", "objects/1", {"locked": True}),
                ("POST", "save", {"tag": "final"}),
                ("POST", "save", {"tag": "other", "format": "nifti"}),
                ("GET", "label.nii.gz", None),
                ("GET", "label.seg.dcm", None),
            ):
                found = viewer.request(method, f"{mine}/{what}", json=json)
                assert found.status_code == 403, what
                assert "viewer" in found.json()["detail"]
            assert viewer.delete(mine).status_code == 200
        assert list(store.labels(image)) == ["final"]
        assert store.versions(image, "final") == []
