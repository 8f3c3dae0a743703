"""A session is its event log: logs replay to the same masks, and bad ones are refused. See also the state machine."""

import base64
import contextlib
import dataclasses
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import InputError, LimitError, LogVersionError
from maskwright.interactive.image import Image
from maskwright.interactive.methods.registry import METHODS
from maskwright.interactive.sessions import migrations
from maskwright.interactive.sessions.events import (
    Cleared,
    ObjectAdded,
    ObjectLocked,
    ObjectRenamed,
    ObjectSelected,
    ObjectUnlocked,
    Predicted,
    PromptAdded,
    PromptQueued,
    Redone,
    TargetSet,
    Undone,
)
from maskwright.interactive.sessions.log import from_line, read_log, to_line, write_log
from maskwright.interactive.sessions.prompts import make_box, make_lasso, make_mask, make_point, make_scribble
from maskwright.interactive.sessions.records import EVENTS
from maskwright.interactive.sessions.session import AssistSession
from reference.assist_method import Discs, seen_image

SHAPE = (9, 20, 21)
IMAGE = seen_image(SHAPE)
OLD_LOG = Path(__file__).parent / "log_of_version_1.json"


def drawn(*slices):
    mask = np.zeros(SHAPE, bool)
    mask[slices] = True
    return mask


EVENTS_OF_EACH_KIND = [
    PromptAdded(1, make_point((4, 10, 10), SHAPE, True)),
    PromptAdded(1, make_scribble(drawn(4, slice(5, 15), 8), SHAPE, True)),
    PromptAdded(1, make_scribble(drawn(2, slice(5, 15), 8), SHAPE, False)),
    TargetSet("uint8"),
    ObjectLocked(1),
    ObjectAdded("tumour, left"),
    PromptQueued(2, make_box((1, 2, 3), (7, 18, 17), SHAPE)),
    PromptQueued(2, make_lasso(drawn(5, slice(3, 12), slice(3, 12)), SHAPE, True)),
    PromptQueued(2, make_point((0, 0, 0), SHAPE, True)),
    Undone(),
    Predicted(),
    ObjectUnlocked(1),
    ObjectSelected(1),
    PromptAdded(1, make_mask(drawn(slice(2, 6), slice(2, 9), slice(2, 9)), SHAPE)),
    PromptAdded(1, make_mask(drawn(), SHAPE)),
    PromptAdded(1, make_mask(np.zeros(SHAPE, bool), SHAPE)),
    Undone(),
    Undone(),
    Redone(),
    Undone(),
    PromptAdded(1, make_point((3, 3, 3), SHAPE, False)),
    ObjectRenamed(2, "Läsion"),
    ObjectLocked(2),
    Undone(),
]


def made_session(method=None):
    """Return a session with a prompt of each kind, locks, prompts that wait, and edits undone and redone."""
    image = Image.of(IMAGE, (2.5, 0.8, 0.8))
    return AssistSession.replay(image, EVENTS_OF_EACH_KIND, method or Discs())


LINES = made_session().to_log().splitlines()


def log_with(*events, **header):
    """Return the text of a log with these records as events, and these fields of its header changed."""
    lines = [{**json.loads(LINES[0]), **header}, *events]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def same(one, other):
    return all(np.array_equal(one.mask_of(n), other.mask_of(n)) for n in one.objects)


def test_a_session_is_replayed():
    session = made_session()
    assert session.events == tuple(EVENTS_OF_EACH_KIND)
    text = session.to_log()
    again = AssistSession.from_log(text, IMAGE, Discs())
    assert (again.objects, again.active, again.locked) == (session.objects, session.active, session.locked)
    assert (again.names, again.image.spacing_mm) == ({1: "object 1", 2: "Läsion"}, (2.5, 0.8, 0.8))
    assert same(session, again)
    assert all(session.mask_of(n).any() for n in session.objects)
    assert again.to_log() == text
    session.redo()
    again.redo()
    assert same(session, again)
    assert np.array_equal(session.add_point((6, 15, 15)).mask, again.add_point((6, 15, 15)).mask)


def test_every_event_goes_to_a_line_and_back():
    events = [*EVENTS_OF_EACH_KIND, Cleared()]
    assert {type(event).__name__ for event in events} == set(EVENTS) - {"MasksHashed"}
    for event in events:
        line = to_line(event)
        assert "\n" not in line
        assert from_line(line, SHAPE) == event


def test_an_event_that_fails_is_not_in_the_log():
    session = made_session()
    session.select(2)
    events = session.events
    for event in (
        PromptAdded(2, make_point((1, 1, 1), SHAPE, True)),  # locked
        PromptQueued(2, make_point((1, 1, 1), SHAPE, True)),
        ObjectSelected(3),
        ObjectRenamed(3, "other"),
        ObjectUnlocked(3),
    ):
        with pytest.raises(InputError):
            session.apply(event)
    assert (session.events, session.active) == (events, 2)


def test_a_session_accepts_only_events_that_can_be_read_again():
    session = made_session()
    events = session.events
    for event in (ObjectAdded(""), ObjectAdded("x" * 1001), ObjectRenamed(1, "x" * 1001), TargetSet("x" * 65)):
        with pytest.raises(InputError):
            session.apply(event)
    assert session.events == events
    session.apply(ObjectAdded("x" * 1000))
    session.rename(1, 'line\nbreak \u2028 \ud800 " \\')
    again = AssistSession.from_log(session.to_log(), IMAGE, Discs())
    assert again.names == session.names
    with pytest.raises(InputError):
        session.header({"note": "x" * 1001})


def test_waiting_prompts_are_carried_out_in_order():
    one, other = AssistSession(Discs()), AssistSession(Discs())
    points = [(4, 10, 10), (4, 3, 3), (2, 15, 8)]
    for session in (one, other):
        session.set_image(IMAGE, (2.5, 0.8, 0.8))
    for point in points:
        one.queue_prompt(make_point(point, SHAPE, True))
    assert not one.mask_of(1).any()
    edit = one.predict()
    boxes = [other.add_point(point).changed_box for point in points]
    assert same(one, other)
    assert edit.changed_box == boxes[0].union(boxes[1]).union(boxes[2])
    assert one.predict() is None
    one.undo()
    other.undo()
    assert same(one, other)


def test_clear_leaves_the_target_alone_in_the_log():
    session = made_session()
    session.clear()
    assert session.events == (TargetSet("uint8"),)
    assert session.history_bytes == 0


def test_an_undone_edit_leaves_no_trace_in_later_ones():
    """Regions depend on earlier prompts; those undone and forgotten must not count."""
    session, other = AssistSession(Discs()), AssistSession(Discs())
    for each in (session, other):
        each.set_image(seen_image((700, 700)), (1.0, 1.0))
        each.add_point((300, 300))
    session.add_point((20, 20))
    session.undo()
    for each in (session, other):
        each.add_point((650, 650))
    assert same(session, other)
    assert session.method.tasks[-1].positive.shape == other.method.tasks[-1].positive.shape


def test_the_text_is_small_and_holds_no_image():
    assert len("\n".join(LINES)) < 5000
    header = json.loads(LINES[0])
    assert (header["format"], header["version"]) == ("maskwright-session", migrations.VERSION)
    assert header["method"] == {"name": "discs", "version": "1", "model": "first"}
    assert set(header) == {
        "format", "version", "shape", "spacing_mm", "color", "image_sha256", "method", "attributes"
    }  # fmt: skip


def test_the_keeper_of_a_log_adds_attributes():
    header = made_session().header({"image": "liver-1", "owner": "ann"}, hash_image=False)
    log = read_log(write_log(type(read_log(log_with()))(header, tuple(EVENTS_OF_EACH_KIND))))
    assert (log.header, log.events) == (header, tuple(EVENTS_OF_EACH_KIND))
    assert (log.header.image_sha256, log.header.attributes["owner"]) == ("", "ann")


def test_a_method_of_the_package_is_found_by_its_name():
    session = AssistSession("region-growing")
    session.set_image(IMAGE, (1.0, 1.0, 1.0))
    session.add_point((4, 10, 10))
    again = AssistSession.from_log(session.to_log(), IMAGE)
    assert again.method.name == "region-growing"
    assert "region-growing" in METHODS
    assert same(session, again)


@pytest.mark.parametrize("shape", [(40, 50), (12, 40, 50)])
def test_the_default_method_gives_the_same_masks_again(shape):
    image = (seen_image(shape) * 1000).astype(np.int16)
    session = AssistSession()
    session.set_image(image, (1.0,) * len(shape))
    middle = [n // 2 for n in shape]
    session.add_point(middle)
    session.add_object()
    session.add_box([n // 4 for n in shape], middle)
    session.add_point([n // 3 for n in shape], positive=False)
    text = session.to_log()
    assert {"version", "model", "provider", "threads"} <= session.header().method.keys()
    assert same(session, AssistSession.from_log(text, image))


def test_a_colour_image():
    image = (np.stack([seen_image((30, 31), seed) for seed in range(3)], -1) * 1000).astype(np.int16)
    session = AssistSession(Discs())
    session.set_image(image, (1.0, 1.0), color=True)
    session.add_point((10, 10))
    assert same(session, AssistSession.from_log(session.to_log(), image, Discs()))


def test_strides_do_not_matter_and_content_does():
    text = made_session().to_log()
    assert same(made_session(), AssistSession.from_log(text, np.asfortranarray(IMAGE), Discs()))
    other = IMAGE.copy()
    other[0, 0, 0] += 1
    for image in (other, IMAGE[:-1], IMAGE.astype(np.float64)):
        with pytest.raises(InputError, match="the session's image had"):
            AssistSession.from_log(text, image, Discs())


def test_another_method_or_model_is_refused():
    text = made_session().to_log()
    with pytest.raises(InputError, match="model first; this one has second"):
        AssistSession.from_log(text, IMAGE, Discs("second"))
    with pytest.raises(InputError, match="the session's method had name"):
        AssistSession.from_log(text, IMAGE, type("Other", (Discs,), {"name": "other"})())
    with pytest.raises(InputError, match="'discs'; pass that method"):
        AssistSession.from_log(text, IMAGE)


def test_masks_that_differ_are_refused():
    class Changed(Discs):
        def segment(self, task):
            return ~super().segment(task)

    session = AssistSession(Discs())
    session.set_image(IMAGE, (2.5, 0.8, 0.8))
    session.add_object()
    session.add_point((4, 10, 10))
    with pytest.raises(InputError, match="mask of object 2 is not the one saved"):
        AssistSession.from_log(session.to_log(), IMAGE, Changed())


def random_event(data):
    """Return any event on this image, often one that the session refuses."""
    objects = st.integers(1, 3)
    voxel = data.draw(st.tuples(*[st.integers(0, n - 1) for n in SHAPE]))
    box = tuple(slice(a, a + data.draw(st.integers(1, 4))) for a in voxel)
    positive, kind = data.draw(st.booleans()), data.draw(st.sampled_from(sorted(set(EVENTS) - {"MasksHashed"})))
    prompt = data.draw(
        st.sampled_from(
            [
                make_point(voxel, SHAPE, positive),
                make_scribble(drawn(*box), SHAPE, positive),
                make_lasso(drawn(*box), SHAPE, positive),
                make_mask(drawn(*box), SHAPE),
                make_mask(np.zeros(SHAPE, bool), SHAPE),
                make_box(voxel, [min(s.stop, n) for s, n in zip(box, SHAPE)], SHAPE),
            ]
        )
    )
    values = {"object_id": data.draw(objects), "name": "a name", "dtype": "uint8", "prompt": prompt}
    return EVENTS[kind](**{field.name: values[field.name] for field in dataclasses.fields(EVENTS[kind])})


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_events_replay_to_the_same_session(data):
    session = AssistSession(Discs())
    session.set_image(IMAGE, (2.5, 0.8, 0.8))
    for _ in range(data.draw(st.integers(1, 12))):
        with contextlib.suppress(InputError):
            session.apply(random_event(data))
    again = AssistSession.from_log(session.to_log(), IMAGE, Discs())
    for event in (None, Predicted(), Redone(), Undone(), PromptAdded(1, make_point((4, 10, 10), SHAPE, True))):
        for each in (session, again):
            with contextlib.suppress(InputError):
                if event is not None:
                    each.apply(event)
        assert again.events == session.events
        assert (again.objects, again.names, again.active, again.locked) == (
            session.objects, session.names, session.active, session.locked
        )  # fmt: skip
        assert same(session, again)


def test_a_prompt_outside_the_image_is_refused():
    session = AssistSession(Discs())
    session.set_image(IMAGE, (2.5, 0.8, 0.8))
    large = (99, 99, 99)
    for prompt in (
        make_point((50, 1, 1), large, True),
        make_box((0, 0, 0), (10, 1, 1), large),
        make_mask(np.ones((10, 1, 1), bool), (10, 1, 1)),
        make_scribble(np.ones((2, 2), bool), (2, 2), True),
    ):
        for event in (PromptAdded(1, prompt), PromptQueued(1, prompt)):
            with pytest.raises(InputError, match="outside the image"):
                session.apply(event)
    assert session.events == ()


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
