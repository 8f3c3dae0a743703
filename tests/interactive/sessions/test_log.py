"""A session is its event log: logs replay to the same masks, and bad ones are refused. See also the state machine."""

import contextlib
import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import InputError
from maskwright.interactive.methods.registry import METHODS
from maskwright.interactive.sessions import migrations
from maskwright.interactive.sessions.events import (
    Cleared,
    ObjectAdded,
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
from support.assist_method import Discs, seen_image
from support.session_logs import EVENTS_OF_EACH_KIND, IMAGE, LINES, SHAPE, drawn, log_with, made_session, same


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
