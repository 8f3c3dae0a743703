"""Whatever a client of nnInteractive sends is answered, or refused with 4xx; its session goes on."""

import asyncio
import json
import struct

import httpx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive.packed_array import MAGIC, pack_array, unpack_array
from maskwright.engine.service.protocols.nninteractive.requests import CALLS, SET_IMAGE
from support.serving import make_leases, nninteractive_app

SHAPE = (4, 6, 8)
IMAGE = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
FEW = settings(deadline=None, max_examples=25)


@pytest.fixture(scope="module")
def app():
    return nninteractive_app(make_leases(sessions=10**6, per_owner=10**6), SharedImages())


def ask(app, *requests):
    """Send requests to a new session on an image, and return the answers."""

    async def main():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            client.headers["X-Lease-Token"] = (await client.post("/claim")).json()["lease_token"]
            assert (await client.post(SET_IMAGE, content=pack_array(IMAGE))).status_code == 200
            answers = [await client.post(path, content=body, headers=headers) for path, body, headers in requests]
            good = await client.post("/add_point_interaction", json={"coordinates": [2, 3, 4]})
            assert good.status_code in (200, 422)  # 422: another image was set
            await client.post("/release")
            return answers

    return asyncio.run(main())


def check(app, path, body, headers=()):
    [answer] = ask(app, (path, body, dict(headers)))
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.json()["detail"].splitlines()) == 1
    return answer


DTYPES = ["(1,", "i4,f8", "i4," * 1000, "2i4", "V9", "S5", "U3", "M8[s]", "m8", "O", "c16", "float128", "()", "{}", ","]
DTYPES.append("x" * 10**5)


@FEW
@given(
    st.text(max_size=40) | st.sampled_from(DTYPES),
    st.lists(st.integers(-(10**30), 10**30), max_size=5) | st.just(list(SHAPE)),
)
@example("(1,", list(SHAPE))
@example("i4,f8", list(SHAPE))
@example("\x00", list(SHAPE))
def test_any_target_is_answered(app, dtype, shape):
    check(app, "/set_target_buffer", json.dumps({"shape": shape, "dtype": dtype}).encode())


@pytest.mark.parametrize("dtype", DTYPES)
def test_unknown_dtype_is_refused(app, dtype):
    answer = check(app, "/set_target_buffer", json.dumps({"shape": SHAPE, "dtype": dtype}).encode())
    assert answer.status_code == 422
    assert "dtype" in answer.json()["detail"]


@pytest.mark.parametrize("dtype", [">u2", "<i4", "uint8", "float16", "bool"])
def test_values_come_in_native_byte_order(app, dtype):
    point = json.dumps({"coordinates": [2, 3, 4]}).encode()
    target = json.dumps({"shape": SHAPE, "dtype": dtype}).encode()
    [_, answer] = ask(app, ("/set_target_buffer", target, {}), ("/add_point_interaction", point, {}))
    values = unpack_array(answer.content, 10**6)
    assert values.dtype == np.dtype(dtype).newbyteorder("=")
    assert values.max() == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NAMES = ["coordinates", "bbox_coords", "interaction_bbox", "include_interaction", "run_prediction", "image_properties"]
FIELDS = st.dictionaries(st.sampled_from([*NAMES, "shape", "dtype", "do_autozoom"]), JSON, max_size=4)
PATHS = st.sampled_from([SET_IMAGE, *CALLS])


@FEW
@given(PATHS, FIELDS | JSON)
@example("/add_point_interaction", {"coordinates": [1e308, float("nan"), 10**30]})
@example("/add_bbox_interaction", {"bbox_coords": [[10**30, -(10**30)]] * 3})
def test_any_fields_are_answered(app, path, fields):
    text = json.dumps(fields)
    if path in CALLS and not CALLS[path].takes_array:
        check(app, path, text.encode())
    else:
        check(app, path, pack_array(np.ones(SHAPE, np.uint8)), {"X-Meta": text})


@FEW
@given(PATHS, st.binary(max_size=60), st.binary(max_size=20).filter(lambda text: not set(text) & set(b"\r\n\x00")))
def test_any_bytes_are_answered(app, path, body, meta):
    check(app, path, body, {"X-Meta": meta.decode("latin-1").encode("latin-1")})


@FEW
@given(st.sampled_from([SET_IMAGE, "/add_lasso_interaction", "/add_initial_seg_interaction"]), st.data())
def test_any_header_of_an_array_is_answered(app, path, data):
    ndim, name = data.draw(st.integers(0, 255)), data.draw(st.sampled_from([b"uint8", b"float64", b"O", b"\xff", b""]))
    shape = data.draw(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5))
    chunks = data.draw(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), max_size=2))
    packed = MAGIC + struct.pack("<BBBB", 1, data.draw(st.integers(0, 3)), ndim, len(name)) + name
    packed += struct.pack(f"<{len(shape)}q", *shape) + struct.pack("<I", data.draw(st.integers(0, 2**32 - 1)))
    packed += b"".join(struct.pack("<QQ", *chunk) + data.draw(st.binary(max_size=40)) for chunk in chunks)
    assert check(app, path, packed).status_code >= 400
