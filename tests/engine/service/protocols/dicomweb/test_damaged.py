"""Damaged DICOM files: nothing but our own errors, whatever is asked of them."""

import traceback
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import RLELossless

from maskwright.engine.service.protocols.dicomweb.answers import blocks_of, metadata_of
from maskwright.engine.service.protocols.dicomweb.frames import Frames
from maskwright.engine.service.storage.dicom_file import Instance, read_attributes, read_instance
from maskwright.errors import FileFormatError, MaskwrightError, NotFoundError


def frames_of(path, instance):
    frames = Frames.of(path, instance)
    return [b"".join(frames.blocks(number)) for number in (1, 2)]


@pytest.fixture(scope="module", params=["raw", "compressed"])
def whole(request, tmp_path_factory, write_series):
    """The bytes of a file of two frames, and what it is."""
    folder = tmp_path_factory.mktemp(request.param)
    (dataset,) = write_series(folder / "s", np.arange(24, dtype=np.int16).reshape(1, 4, 6))
    dataset.NumberOfFrames = 2
    dataset.PixelData = np.arange(48, dtype="<i2").tobytes()
    if request.param == "compressed":
        dataset.compress(RLELossless)
    path = folder / "0.dcm"
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    instance = read_instance(path)
    assert isinstance(instance, Instance)
    assert len(frames_of(path, instance)) == 2
    return path.read_bytes(), instance


def ask_everything(path: Path, instance: Instance) -> None:
    read_instance(path)
    read_attributes(path)
    refused = []
    for ask in (lambda: metadata_of(path, instance), lambda: frames_of(path, instance)):
        try:
            ask()
        except MaskwrightError as error:
            refused.append(str(error))
    assert not any("Jane" in text or path.name in text for text in refused)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_few_bytes_changed(whole, tmp_path, data):
    original, instance = whole
    changed = bytearray(original)
    for at, value in data.draw(
        st.dictionaries(st.integers(132, len(original) - 1), st.integers(0, 255), max_size=6)
    ).items():
        changed[at] = value
    path = tmp_path / "x.dcm"
    path.write_bytes(changed)
    ask_everything(path, instance)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_short(whole, tmp_path, data):
    original, instance = whole
    path = tmp_path / "x.dcm"
    path.write_bytes(original[: data.draw(st.integers(0, len(original) - 1))])
    ask_everything(path, instance)


def test_a_header_that_claims_more_than_there_is(tmp_path, write_series):
    (dataset,) = write_series(tmp_path / "s", np.zeros((1, 4, 6), np.int16))
    dataset.Rows = dataset.Columns = 65535
    dataset.NumberOfFrames = 2**31 - 1
    path = tmp_path / "0.dcm"
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    frames = Frames.of(path, read_instance(path))
    for number in (1, 2**31 - 1):
        with pytest.raises(FileFormatError, match="cut short"):
            next(frames.blocks(number))


def test_deflated_file_is_not_read(tmp_path, write_series):
    (dataset,) = write_series(tmp_path / "s", np.zeros((1, 4, 6), np.int16))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    pydicom.dcmwrite(tmp_path / "0.dcm", dataset, enforce_file_format=True)
    assert pydicom.dcmread(tmp_path / "0.dcm").Rows == 4
    assert read_instance(tmp_path / "0.dcm") is None


def test_missing_file(tmp_path):
    assert read_instance(tmp_path / "gone.dcm") is None
    assert read_attributes(tmp_path / "gone.dcm") == {}
    assert read_instance(tmp_path) is None
    path = tmp_path / "Jane.dcm"
    with pytest.raises(NotFoundError) as gone:
        next(blocks_of(path))
    assert "Jane" not in "".join(traceback.format_exception(gone.value))
