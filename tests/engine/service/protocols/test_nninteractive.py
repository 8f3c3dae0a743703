"""The real client of nnInteractive against our server: every prompt, undo, leases, several at once, hostile bodies."""

import json
import threading

import httpx
import numpy as np
import pytest

from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive.packed_array import pack_array
from support.serving import make_leases, nninteractive_app, served

remote = pytest.importorskip("nnInteractive.inference.remote.remote_session")
pytestmark = pytest.mark.clients

SHAPE = (20, 40, 44)
SPACING = [2.0, 1.0, 1.0]


def scene():
    """Two bright balls, and the first of them."""
    grid = np.indices(SHAPE)
    balls = [
        sum(((g - m) * s) ** 2 for g, m, s in zip(grid, middle, SPACING)) < 81
        for middle in ((10, 14, 12), (10, 26, 32))
    ]
    image = np.random.default_rng(0).normal(100, 4, SHAPE) + 60 * (balls[0] | balls[1])
    return image[None].astype(np.float32), balls[0]


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture(scope="module")
def server():
    leases = make_leases(sessions=4, per_owner=4, idle_s=60, silent_s=30)
    with served(nninteractive_app(leases, SharedImages())) as address:
        yield address


@pytest.fixture
def client(server):
    image, _ = scene()
    with remote.nnInteractiveRemoteInferenceSession(server) as session:
        session.set_image(image, {"spacing": SPACING})
        session.set_target_buffer(np.zeros(SHAPE, np.uint8))
        yield session


def test_capabilities(client):
    assert all(client.supported_interactions[kind] for kind in ("points", "bbox2d", "bbox3d", "scribble", "lasso"))
    assert client.supports_undo
    assert client.supports_initial_label
    assert client.channel_mapping["points"] == (3, 4)
    assert client.original_image_shape == (1, *SHAPE)
    assert client.ping()
    assert 0 < client.lease_status()["remaining_seconds"] <= 60
    assert client.heartbeat() > 0
    client.set_do_autozoom(True)


def test_point_and_undo(client):
    _, ball = scene()
    box = client.add_point_interaction([10, 14, 12], include_interaction=True)
    assert dice(client.target_buffer > 0, ball) > 0.9
    outside = np.ones(SHAPE, bool)
    outside[tuple(slice(a, b) for a, b in box)] = False
    assert not client.target_buffer[outside].any()
    assert client.undo()
    assert not client.target_buffer.any()
    assert not client.undo()


def test_each_kind_of_prompt(client):
    _, ball = scene()
    client.add_bbox_interaction([[10, 11], [4, 25], [2, 23]], include_interaction=True)
    assert dice(client.target_buffer > 0, ball) > 0.8
    client.reset_interactions()
    assert not client.target_buffer.any()
    stroke = np.zeros((1, 1, 8), np.uint8)
    stroke[:] = 1
    client.add_scribble_interaction(stroke, True, interaction_bbox=[[10, 11], [14, 15], [8, 16]])
    assert dice(client.target_buffer > 0, ball) > 0.8
    lasso = np.zeros(SHAPE, np.uint8)
    lasso[10, 20:30, 26:38] = 1
    before = client.target_buffer.copy()
    client.add_lasso_interaction(lasso, False)
    assert not (client.target_buffer[10, 20:30, 26:38]).any()
    assert client.undo()
    np.testing.assert_array_equal(client.target_buffer, before)


def test_initial_mask_is_corrected(client):
    _, ball = scene()
    half = ball.copy()
    half[:, :, :12] = False
    client.add_initial_seg_interaction(half.astype(np.uint8))
    np.testing.assert_array_equal(client.target_buffer > 0, half)
    client.add_point_interaction([10, 14, 8], include_interaction=True)
    assert dice(client.target_buffer > 0, ball) > dice(half, ball)
    assert client.undo()
    np.testing.assert_array_equal(client.target_buffer > 0, half)


def test_prompts_wait_for_predict(client):
    _, ball = scene()
    client.add_point_interaction([10, 14, 12], include_interaction=True, run_prediction=False)
    client.add_point_interaction([10, 26, 32], include_interaction=False, run_prediction=False)
    assert not client.target_buffer.any()
    assert client._predict() is not None
    assert dice(client.target_buffer > 0, ball) > 0.9
    assert client._predict() is None


def test_a_plane_and_no_spacing(server):
    image, ball = scene()
    with remote.nnInteractiveRemoteInferenceSession(server) as session:
        session.set_image(image[:, 10:11])
        session.set_target_buffer(np.zeros((1, *SHAPE[1:]), np.uint8))
        session.add_point_interaction([0, 14, 12], include_interaction=True)
        assert dice(session.target_buffer[0] > 0, ball[10]) > 0.9
        session.add_bbox_interaction([[0, 1], [20, 34], [24, 42]], include_interaction=False)
        assert session.undo()


def test_several_clients_at_once(server):
    image, ball = scene()
    found = {}

    def work(number):
        with remote.nnInteractiveRemoteInferenceSession(server) as session:
            session.set_image(image, {"spacing": SPACING})
            session.set_target_buffer(np.zeros(SHAPE, np.uint8))
            session.add_point_interaction([[10, 14, 12], [10, 26, 32]][number % 2], include_interaction=True)
            found[number] = session.target_buffer.copy()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[1], found[3])
    assert dice(found[0] > 0, ball) > 0.9
    assert not (found[0] & found[1]).any()


def test_full_server_and_lost_lease_raise_in_the_client(server):
    clients = [remote.nnInteractiveRemoteInferenceSession(server) for _ in range(4)]
    try:
        with pytest.raises(remote.ServerAtCapacityError, match="4 sessions are taken"):
            remote.nnInteractiveRemoteInferenceSession(server)
        httpx.post(f"{server}/release", headers={"X-Lease-Token": clients[0]._lease_token})
        with pytest.raises(remote.SessionExpiredError, match="it was released"):
            clients[0].add_point_interaction([1, 1, 1], include_interaction=True)
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    ("path", "body", "part"),
    [
        ("/add_point_interaction", {"coordinates": [99, 0, 0]}, "outside"),
        ("/add_point_interaction", {"coordinates": [1, 1]}, "coordinates"),
        ("/add_point_interaction", {"coordinates": [0.5, 1, 1]}, "whole"),
        ("/add_point_interaction", {"coordinates": [None, 1, 1]}, "coordinates"),
        ("/add_bbox_interaction", {"bbox_coords": [[5, 2], [0, 4], [0, 4]]}, ""),
        ("/add_bbox_interaction", {"bbox_coords": [[0, 2], [0, 4]]}, "bbox_coords"),
        ("/set_target_buffer", {"shape": [1, 1, 1], "dtype": "uint8"}, "target"),
        ("/set_target_buffer", {"shape": list(SHAPE), "dtype": "O"}, "dtype"),
    ],
)
def test_bad_request_is_a_problem(client, path, body, part):
    answer = client._http.post(path, json=body)
    assert answer.status_code == 422
    assert part in answer.json()["detail"]
    client.add_point_interaction([10, 14, 12], include_interaction=True)  # and the session still works
    assert client.target_buffer.any()


def test_hostile_arrays_are_refused(client):
    stroke = pack_array(np.ones((2, 2, 2), np.uint8))
    cases = [
        (b"", {}, 422),
        (stroke[:-3], {"interaction_bbox": [[0, 2]] * 3}, 422),
        (stroke, {"interaction_bbox": [[39, 41]] * 3}, 422),
        (stroke, {"interaction_bbox": [[0, 3]] * 3}, 422),
        (pack_array(np.zeros(SHAPE, np.uint8)), {}, 422),  # nothing is drawn
        (pack_array(np.full(SHAPE, np.nan, np.float32)), {}, 422),
    ]
    for body, meta, status in cases:
        answer = client._http.post("/add_scribble_interaction", content=body, headers={"X-Meta": json.dumps(meta)})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert client._http.post("/add_scribble_interaction", content=stroke, headers={"X-Meta": "{"}).status_code == 422
    client.add_point_interaction([10, 14, 12], include_interaction=True)
    assert client.target_buffer.any()


def test_guessed_lease_is_refused(server):
    for headers in ({}, {"X-Lease-Token": "guess"}):
        for path in ("/undo", "/predict", "/heartbeat", "/reset_interactions"):
            assert httpx.post(server + path, headers=headers).status_code == 410
        assert httpx.get(f"{server}/lease_status", headers=headers).status_code == 410
