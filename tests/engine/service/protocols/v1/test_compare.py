"""Comparing over HTTP gives what the command line gives."""

import dataclasses
import json

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

import maskwright as mw
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.protocols.v1.compare import compare_router
from maskwright.engine.service.protocols.v1.compare_options import CompareOptionsBody
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import LabelMap, Volume
from support.serving import served

AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1]])


def masks():
    a = np.zeros((12, 24, 24), np.uint8)
    a[3:9, 4:14, 4:14] = 1
    b = np.zeros_like(a)
    b[3:9, 5:15, 4:14] = 1
    return LabelMap(a, AFFINE), LabelMap(b, AFFINE)


@pytest.fixture
def http(tmp_path):
    mw.write(Volume(np.zeros((12, 24, 24), np.float32), AFFINE), tmp_path / "a.nii.gz")
    for mask, name in zip(masks(), ("reference.nii.gz", "prediction.nrrd")):
        mw.write(mask, tmp_path.parent / name)
    with Datastore.open(tmp_path) as store:
        app = FastAPI(strict_content_type=False)
        answer_with_problems(app)
        app.include_router(compare_router(AppState.of(store)))
        image = store.images()[0].id
        for name, tag in (("reference.nii.gz", "first"), ("prediction.nrrd", "second")):
            suffix = name[name.index(".") :]
            store.save_label(image, tag, tmp_path.parent / name, suffix, {}, "test")
        with served(app) as address, httpx.Client(base_url=address) as client:
            yield client, image, tmp_path.parent


def sent(folder):
    return {
        name.split(".")[0]: (name, (folder / name).read_bytes()) for name in ("reference.nii.gz", "prediction.nrrd")
    }


def test_uploaded_and_stored_masks_give_the_numbers_of_the_library(http):
    client, image, folder = http
    expected = json.loads(mw.compare(*masks(), tolerance_mm=1.0).to_json())
    found = client.post("/api/v1/compare", files=sent(folder), data={"params": json.dumps({"tolerance_mm": 1.0})})
    assert found.json() == expected
    stored = {
        "tolerance_mm": 1.0,
        "reference": {"image": image, "tag": "first"},
        "prediction": {"image": image, "tag": "second"},
    }
    assert client.post("/api/v1/compare", json=stored).json() == expected


@pytest.mark.parametrize(
    "params",
    [
        {"tolerance_mm": [1.0, 3.0], "percentile": [90, 99.99999]},
        {"percentile": 50, "empty": "penalty", "convention": "medpy"},
        {"preset": "brats", "convention": "deepmind"},
        {"resample": True},
    ],
)
def test_every_option_of_the_library(http, params):
    client, _, folder = http
    expected = json.loads(mw.compare(*masks(), **params).to_json())
    found = client.post("/api/v1/compare", files=sent(folder), data={"params": json.dumps(params)})
    assert found.json() == expected


def test_a_body_has_a_field_for_every_option():
    fields = {field.name for field in dataclasses.fields(mw.CompareOptions)}
    named = {"tolerance_mm": "tolerances_mm", "percentile": "percentiles"}
    assert {named.get(name, name) for name in CompareOptionsBody.model_fields} == fields
    assert CompareOptionsBody().options() == mw.CompareOptions()


def test_a_preset_is_the_name_of_a_shipped_one(tmp_path):
    (tmp_path / "mine.toml").write_text('[labels.1]\nname = "one"\n')
    for name in (str(tmp_path / "mine.toml"), "../presets/brats", "brats.toml", "nobody", ""):
        with pytest.raises(mw.ConfigError, match=r"preset: expected one of brain-tissue, brats, .* got another name"):
            CompareOptionsBody(preset=name).options()


def test_bad_requests(http):
    client, image, folder = http
    files = sent(folder)
    cases = [
        ({}, {}, 422, "no reference"),
        (files, {"convention": "mine"}, 422, "mine"),
        (files, {"tolerance_mm": -1}, 422, "tolerance"),
        (files, {"tolerance_mm": []}, 422, "tolerance"),
        (files, {"tolerance_mm": list(range(9))}, 422, "tolerance"),
        (files, {"tolerance": 1}, 422, "tolerance"),
        (files, {"percentile": 101}, 422, "percentile"),
        (files, {"empty": "zero"}, 422, "zero"),
        (files, {"preset": "/etc/passwd"}, 422, "brain-tissue"),
        ({**files, "prediction": ("x.exe", b"MZ")}, {}, 422, "format"),
        ({**files, "prediction": ("x.nii.gz", files["reference"][1][:99])}, {}, 422, ""),
        (
            {},
            {"reference": {"image": image, "tag": "none"}, "prediction": {"image": image, "tag": "second"}},
            404,
            "tag",
        ),
        (
            {},
            {"reference": {"image": "../x", "tag": "first"}, "prediction": {"image": image, "tag": "second"}},
            404,
            "",
        ),
    ]
    for sent_files, params, status, part in cases:
        if sent_files:
            found = client.post("/api/v1/compare", files=sent_files, data={"params": json.dumps(params)})
        else:
            found = client.post("/api/v1/compare", json=params)
        assert found.status_code == status, found.text
        assert part in found.json()["detail"]
        assert str(folder) not in found.text
        assert "tmp" not in found.text
