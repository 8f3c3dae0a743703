"""A whole server under hostile requests: each is refused and logged, nothing is lost, and the server still answers."""

import gzip
import json
import re
import signal
import sqlite3
import struct
import subprocess
import sys
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.audit import key_path_of, read_key, verify
from maskwright.engine.service.access import new_token
from maskwright.engine.service.protocols.nninteractive.packed_array import MAGIC, pack_array
from maskwright.engine.volume import LabelMap, Volume

AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
COMMAND = [sys.executable, "-m", "maskwright.cli", "serve", "--port", "0", "--nninteractive-port", "0"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A data folder of a region, its server with tokens, their secrets, and what the folder must still hold."""
    folder, keys = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("keys")
    image = np.random.default_rng(0).normal(100, 3, (12, 30, 30)).astype(np.float32)
    image[3:9, 8:22, 8:22] += 80
    mw.write(Volume(image, AFFINE), folder / "a.nii.gz")
    mw.write(LabelMap((image > 140).astype(np.uint8), AFFINE), keys / "label.nii.gz")
    (folder / "datastore.toml").write_text('region = "eu"\n')
    (keys / "outside.nii.gz").write_bytes(b"secret")
    tokens = {role: new_token(role, role, "eu") for role in ("viewer", "annotator", "admin")}
    tokens["elsewhere"] = new_token("elsewhere", "admin", "us")
    tokens["late"] = new_token("late", "admin", "eu", datetime(2020, 1, 1, tzinfo=UTC))
    (keys / "tokens.toml").write_text("\n".join(token.entry for token in tokens.values()))
    (keys / "tokens.toml").chmod(0o600)
    process = subprocess.Popen(
        [*COMMAND, "--data", folder, "--token-file", keys / "tokens.toml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    addresses = re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
    secrets = {name: {"Authorization": f"Bearer {token.secret}"} for name, token in tokens.items()}
    try:
        yield folder, keys, addresses, secrets, process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def nifti_header(shape, kind=2):
    """A NIfTI header of uint8 voxels that promises a shape."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, kind, 8)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    header[344:348] = b"n+1\0"
    return bytes(header)


def test_hostile_requests_are_refused_logged_and_survived(hostile):
    folder, keys, (labels, prompts), secrets, process = hostile
    annotator = secrets["annotator"]
    image = next(iter(httpx.get(f"{labels}/datastore/", headers=annotator).json()["objects"]))
    saved = (keys / "label.nii.gz").read_bytes()
    put = f"{labels}/datastore/label?image={image}&tag=final"
    assert httpx.put(put, headers=annotator, files={"label": ("l.nii.gz", saved)}).status_code == 200

    def infer(params, **more):
        return httpx.post(f"{labels}/infer/maskwright?image={image}", json=params, headers=annotator, **more)

    # paths
    for name in ("../keys/outside.nii.gz", "/etc/passwd", "%2e%2e/keys/outside.nii.gz", "..\\outside", "a\0b"):
        query = {"image": name, "label": name, "tag": name}
        for path in ("/datastore/image", "/datastore/label"):
            found = httpx.get(labels + path, params=query, headers=annotator)
            assert found.status_code in (404, 422)
            assert b"secret" not in found.content
        sent = httpx.put(f"{labels}/datastore/", headers=annotator, files={"file": (name, b"x")})
        assert sent.status_code == 422
        named = {"file": (f"{name}.nii.gz", saved)}
        assert httpx.put(f"{labels}/datastore/", headers=annotator, files=named).status_code in (200, 422)
        there = httpx.put(
            f"{labels}/datastore/label", params=query, headers=annotator, files={"label": ("l.nii.gz", saved)}
        )
        assert there.status_code in (404, 422)
    outside = {path.name for path in keys.iterdir()} | {path.name for path in folder.iterdir()}
    assert outside == {
        "label.nii.gz",
        "outside.nii.gz",
        "tokens.toml",
        "a.nii.gz",
        "datastore.toml",
        "labels",
        "uploads",
        ".maskwright",
    }
    # bombs: more than it says, and says more than there may be
    long = gzip.compress(nifti_header((4, 4, 4)) + bytes(64) + bytes(64 << 20), 9)
    large = gzip.compress(nifti_header((30000, 30000, 30000)) + bytes(10 << 20), 9)
    for bomb in (long, large, saved[:50], gzip.compress(saved)):
        file = {"file": ("bomb.nii.gz", bomb)}
        data = {"params": json.dumps({"foreground": [[1, 1, 1]]})}
        assert httpx.post(f"{labels}/infer/maskwright", headers=annotator, files=file, data=data).status_code == 422
        assert httpx.put(put, headers=annotator, files={"label": ("l.nii.gz", bomb)}).status_code == 422
    # tokens: none, forged, expired, of another region, of a role that may not
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer " + "x" * 43}, 401),
        (secrets["late"], 401),
        (secrets["elsewhere"], 403),
        (secrets["viewer"], 403),
    ):
        assert httpx.put(put, headers=headers, files={"label": ("l.nii.gz", saved)}).status_code == status
        assert httpx.post(f"{prompts}/claim", headers=headers).status_code == status
    # truncated and lying frames, and the theft of a lease
    lease = {"X-Lease-Token": httpx.post(f"{prompts}/claim", headers=annotator).json()["lease_token"]}
    packed = pack_array(np.zeros((1, 4, 5, 6), np.float32))
    lying = MAGIC + struct.pack("<BBBB", 1, 1, 4, 5) + b"uint8" + struct.pack("<4q", 1, 2**20, 2**20, 2**20)
    for frame, status in ((packed[:-5], 422), (packed[:9], 422), (b"", 422), (lying + bytes(4), 413)):
        found = httpx.post(f"{prompts}/set_image", headers=annotator | lease, content=frame)
        assert found.status_code == status, found.text
    stolen = secrets["admin"] | lease
    assert httpx.post(f"{prompts}/set_image", headers=stolen, content=packed).status_code == 410
    # the server still answers, and what was saved is there
    assert infer({"foreground": [[15, 15, 6]]}).status_code == 200
    assert httpx.post(f"{prompts}/set_image", headers=annotator | lease, content=packed).status_code == 200
    assert httpx.get(f"{labels}/datastore/label?label={image}&tag=final", headers=annotator).content == saved
    assert [path.name for path in (folder / "labels").rglob("*.nii.gz")] == [f"{image}.nii.gz"]
    assert (keys / "outside.nii.gz").read_bytes() == b"secret"
    # and all of it is in the log
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    database = folder / ".maskwright" / "audit.db"
    assert verify(database, read_key(key_path_of(database))).whole
    with sqlite3.connect(database) as log:
        refused = dict(log.execute("select actor, count(*) from events where outcome = 'refused' group by actor"))
        failed = log.execute("select count(*) from events where outcome = 'failed'").fetchone()[0]
    assert refused == {"unknown": 4, "late": 2, "elsewhere": 2, "viewer": 2}
    assert failed >= 30
