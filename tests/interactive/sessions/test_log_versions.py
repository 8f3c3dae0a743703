"""Logs of other versions and damaged logs: migrated, told apart, or refused; nothing else is raised."""

import base64
import contextlib
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import InputError, LimitError, LogVersionError
from maskwright.interactive.sessions import migrations
from maskwright.interactive.sessions.events import (
    PromptAdded,
)
from maskwright.interactive.sessions.log import read_log
from maskwright.interactive.sessions.session import AssistSession
from support.assist_method import Discs
from support.session_logs import IMAGE, LINES, log_with, same

OLD_LOG = Path(__file__).parent / "log_of_version_1.json"

# --- versions


def old_image():
    """Return the image of the log of version 1."""
    z, y, x = np.ogrid[:9, :20, :21]
    ball = ((z - 4) * 2) ** 2 + (y - 8) ** 2 + (x - 9) ** 2 < 36
    return (100 * ball + 60 * ((y > 14) & (x > 14)) + (z * 7 + y * 3 + x * 5) % 11).astype(np.int16)


def test_a_log_of_version_1_is_migrated():
    """Written by the release before: two objects, locks, prompts of each kind, and one edit undone."""
    session = AssistSession.from_log(OLD_LOG.read_text(), old_image())  # checks the hashes of the masks
    assert [int(session.mask_of(n).sum()) for n in session.objects] == [196, 379]
    assert (session.active, session.locked) == (1, {2})
    assert sum(isinstance(event, PromptAdded) for event in session.events) == 7
    assert int(session.redo().mask.sum()) < 196
    again = AssistSession.from_log(session.to_log(), old_image())
    assert same(session, again)


def test_a_log_of_a_later_version_is_told_from_a_damaged_one():
    later = log_with({"event": "Zoomed", "by": 2}, version=migrations.VERSION + 1, unknown="field")
    with pytest.raises(LogVersionError, match="keep it"):
        read_log(later)
    with pytest.raises(LogVersionError):
        AssistSession.from_log(later, IMAGE, Discs())
    with pytest.raises(InputError) as refused:
        read_log(log_with({"event": "Zoomed", "by": 2}))
    assert not isinstance(refused.value, LogVersionError)


def test_every_earlier_version_has_a_migration():
    assert set(migrations.MIGRATIONS) == set(range(1, migrations.VERSION))


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": None},
        {"undone": 99},
        {"undone": -1},
        {"undone": 1.0},
        {"objects": 0},
        {"objects": 10**9},
        {"objects": True},
        {"active": 7},
        {"locked": [7]},
        {"locked": ["x", 1]},
        {"masks": ["", ""]},
        {"masks": 3},
        {"image": []},
        {"method": None},
        {"steps": [{"object": 1, "locked": [1], "prompt": {"kind": "point", "index": [1, 1, 1], "positive": True}}]},
        {"steps": [{"object": 1, "locked": [], "prompt": {"kind": "circle"}}], "undone": 0},
    ],
)
def test_a_damaged_log_of_version_1_is_refused(changes):
    saved = {**json.loads(OLD_LOG.read_text()), **changes}
    with pytest.raises(InputError) as refused:
        AssistSession.from_log(json.dumps(saved), old_image(), "region-growing")
    assert not isinstance(refused.value, LogVersionError)


# --- hostile and damaged texts


def packed(bits):
    return base64.b64encode(zlib.compress(bits)).decode()


def prompted(prompt, object_id=1):
    return {"event": "PromptAdded", "object_id": object_id, "prompt": prompt}


POINT = {"kind": "point", "index": [1, 1, 1], "positive": True}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        "{" + '"a":{' * 100_000,
        "9" * 10_000,
        json.dumps({"format": "maskwright-session"}),
        log_with(format="other"),
        log_with(version=0),
        log_with(version=True),
        log_with(version="2"),
        log_with(version=2.0),
        log_with(version=-1),
        log_with(shape=[9, 20]),
        log_with(shape=[9, 20, 0]),
        log_with(shape=[9, 20, True]),
        log_with(shape="9"),
        log_with(spacing_mm=[0, 1, 1]),
        log_with(spacing_mm=[1e999, 1, 1]),
        log_with(spacing_mm=None),
        log_with(color=1),
        log_with(image_sha256=None),
        log_with(method={"name": 3}),
        log_with(method=[]),
        log_with(attributes={"a": "b" * 10_000}),
        log_with(extra=1),
        log_with({"event": "Undone"}).replace("Undone", "Undone\n"),
    ],
)
def test_a_text_that_is_no_log_is_refused(text):
    with pytest.raises(InputError) as refused:
        read_log(text)
    assert not isinstance(refused.value, LogVersionError)


@pytest.mark.parametrize(
    "record",
    [
        3,
        [],
        {},
        {"event": None},
        {"event": ["Undone"]},
        {"event": "AssistSession"},
        {"event": "Undone", "more": 1},
        {"event": "PromptAdded", "prompt": POINT},
        {"event": "ObjectAdded", "name": 3},
        {"event": "ObjectAdded", "name": "x" * 10_000},
        {"event": "ObjectSelected", "object_id": True},
        {"event": "ObjectSelected", "object_id": 0},
        {"event": "ObjectSelected", "object_id": 1.0},
        {"event": "ObjectSelected", "object_id": 10**30},
        {"event": "MasksHashed", "hashes": "ab"},
        {"event": "MasksHashed", "hashes": [1]},
        prompted(None),
        prompted({"kind": ["point"]}),
        prompted({"kind": "point", "index": [1, 1], "positive": True}),
        prompted({"kind": "point", "index": [1, 1, 99], "positive": True}),
        prompted({"kind": "point", "index": [1, 1, -1], "positive": True}),
        prompted({"kind": "point", "index": [1, 1, 1.0], "positive": True}),
        prompted({"kind": "point", "index": [1, 1, 1e999], "positive": True}),
        prompted({"kind": "point", "index": "111", "positive": True}),
        prompted({"kind": "point", "index": [1, 1, 1], "positive": "false"}),
        prompted({"kind": "point", "index": [1, 1, 1]}),
        prompted({"kind": "circle", "index": [1, 1, 1], "positive": True}),
        prompted({"kind": "box", "lower": [1, 1, 1], "upper": [1, 2, 2]}),
        prompted({"kind": "box", "lower": [1, 1, 1], "upper": [2, 2, 2], "positive": True}),
        prompted({"kind": "scribble", "positive": True, "area": None}),
        prompted({"kind": "mask", "area": {"lower": [0, 0], "upper": [1, 1], "bits": ""}}),
        prompted({"kind": "mask", "area": {"lower": [0, 0, 5], "upper": [1, 1, 5], "bits": ""}}),
        prompted({"kind": "mask", "area": {"lower": [0, 0, 0], "upper": [1, 1, 9]}}),
        *(
            prompted({"kind": kind, "positive": True, "area": {"lower": [0] * 3, "upper": [1, 1, last], "bits": bits}})
            for kind in ("scribble", "lasso")
            for last, bits in [
                (99, ""),
                (9, "AAAA"),
                (9, 3),
                (9, "not base64!"),
                (9, "é"),
                (9, packed(b"\xff")),  # fewer bits than voxels
                (9, packed(b"\xff\x80\x00")),  # more
                (9, packed(b"\0\0")),  # no voxel
                (9, packed(bytes(10**7))),  # many more
            ]
        ),
    ],
)  # fmt: skip
def test_a_bad_event_is_refused(record):
    with pytest.raises(InputError):
        read_log(log_with(record))


def test_no_more_than_the_box_is_unpacked():
    bomb = base64.b64encode(zlib.compress(bytes(10**9 // 8))).decode()
    area = {"lower": [0, 0, 0], "upper": [9, 20, 21], "bits": bomb}
    with pytest.raises(InputError, match="too long"):
        read_log(log_with(prompted({"kind": "mask", "area": area})))


def test_a_log_unpacks_to_a_bounded_size():
    area = {"lower": [0, 0, 0], "upper": [9, 20, 21], "bits": packed(b"\xff" * 473)}
    text = log_with(*[prompted({"kind": "mask", "area": area})] * 5)
    assert len(read_log(text, most_bytes=5 * 473).events) == 5
    with pytest.raises(LimitError):
        read_log(text, most_bytes=5 * 473 - 1)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_to_the_text_raises_an_input_error_at_most(data):
    text = "\n".join(LINES)
    position = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:position] + data.draw(st.sampled_from(["", "9", '"', "[", "-", "x", "\n"])) + text[position + 1 :]
    with contextlib.suppress(InputError):
        AssistSession.from_log(damaged, IMAGE, Discs())
