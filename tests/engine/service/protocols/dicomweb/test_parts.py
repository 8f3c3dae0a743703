"""What searches match, and that answers of several parts are read as they are sent."""

from functools import cache

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import RLELossless

from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.budget.limits import Limits
from maskwright.engine.service.budget.request_context import RequestContext, set_current_request
from maskwright.engine.service.protocols.dicomweb.answers import _framed, blocks_of
from maskwright.engine.service.protocols.dicomweb.frames import Frames
from maskwright.engine.service.protocols.dicomweb.records import SERIES
from maskwright.engine.service.protocols.dicomweb.search import MOST, SearchQuery, select
from maskwright.engine.service.storage.dicom_file import read_instance

DESCRIPTION, DATE = "0008103E", "00080020"


def matches(pattern, text):
    """``*`` and ``?``, one character at a time."""

    @cache
    def rest(p, t):
        if p == len(pattern):
            return t == len(text)
        if pattern[p] == "*":
            return rest(p + 1, t) or (t < len(text) and rest(p, t + 1))
        return t < len(text) and pattern[p] in ("?", text[t]) and rest(p + 1, t + 1)

    return rest(0, 0)


def search(tag, value):
    return SearchQuery.parse([(tag, value)], SERIES)


@given(st.text("ab[]*?.\\", min_size=1, max_size=8), st.text("ab[].\\", max_size=8))
def test_wildcards(pattern, text):
    record = {DESCRIPTION: {"vr": "LO", "Value": [text]}}
    assert search(DESCRIPTION, pattern).fits(record) == matches(pattern, text)


@given(st.text(min_size=1), st.text())
def test_any_text_is_a_valid_query(wanted, text):
    for tag in (DESCRIPTION, DATE, "Modality", "SeriesInstanceUID", "PatientName", "SeriesNumber", wanted):
        query = search(tag, wanted)
        assert query.fits({}) is (not query.values)
        assert isinstance(query.fits({DESCRIPTION: {"vr": "LO", "Value": [text]}}), bool)


def test_dates_are_ranges_that_hold_both_ends():
    record = {DATE: {"vr": "DA", "Value": ["20240115"]}}
    for value, fits in (("20240115-20240115", True), ("20240101-20240114", False), ("202401-202401", True)):
        assert search("StudyDate", value).fits(record) is fits
    assert not search("StudyDate", "20240101-").fits({DATE: {"vr": "DA"}})


@given(st.integers(0, 20), st.none() | st.integers(0, 20), st.integers(0, 25))
def test_pages(count, limit, offset):
    records = [{DESCRIPTION: {"vr": "LO", "Value": [str(at)]}} for at in range(count)]
    found, more = select(records, SearchQuery({}), limit, offset)
    most = MOST if limit is None else limit
    assert found == records[offset : offset + most]
    assert more == (offset + most < count)


def test_no_answer_is_longer_than_the_most():
    records = ({DESCRIPTION: {"vr": "LO", "Value": [str(at)]}} for at in range(MOST + 1))
    found, more = select(records, SearchQuery({}), 10**9, 0)
    assert (len(found), more) == (MOST, True)


def test_parts_are_read_one_after_the_other(tmp_path):
    paths = [tmp_path / f"{at}" for at in range(3)]
    for path in paths:
        path.write_bytes(b"x" * (3 << 20))
    begun = []

    def parts():
        for path in paths:
            begun.append(path)
            yield "application/dicom", blocks_of(path)

    sent = _framed(parts(), "b")
    assert next(sent).startswith(b"--b\r\n")
    assert begun == paths[:1]
    blocks = [block for block in sent if block[:1] == b"x"]
    assert begun == paths
    assert {len(block) for block in blocks} == {1 << 20}
    assert len(blocks) == 9


@pytest.mark.parametrize("compressed", [False, True])
def test_frame_is_sent_in_blocks_or_reserved(tmp_path, write_series, compressed):
    pixels = np.random.default_rng(0).integers(0, 2000, (1, 1200, 1100)).astype(np.int16)
    (dataset,) = write_series(tmp_path / "s", pixels)
    if compressed:
        dataset.compress(RLELossless)
    path = tmp_path / "0.dcm"
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    request = RequestContext(Limits(), Budget(64 << 20))
    set_current_request(request)
    try:
        sizes, reserved = [], []
        for block in Frames.of(path, read_instance(path)).blocks(1):
            sizes.append(len(block))
            reserved.append(request.budget.used_bytes)
    finally:
        set_current_request(None)
    if compressed:
        assert sizes == reserved
        assert len(sizes) == 1
    else:
        assert sum(sizes) == pixels.nbytes
        assert max(sizes) == 1 << 20
        assert reserved == [0, 0, 0]  # an answer's blocks are counted when they are handed on
