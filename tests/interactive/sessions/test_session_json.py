"""Saved sessions replay to the same masks, and are refused where they could not. See also the state machine."""

import base64
import contextlib
import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import InputError
from maskwright.interactive.methods import METHODS
from maskwright.interactive.sessions.session import AssistSession
from maskwright.interactive.sessions.session_json import session_from_json, session_to_json
from reference.assist_method import Discs, seen_image

SHAPE = (9, 20, 21)
IMAGE = seen_image(SHAPE)


def drawn(*slices):
    mask = np.zeros(SHAPE, bool)
    mask[slices] = True
    return mask


def made_session(method=None):
    """Return a session with a prompt of each kind, locks, and two edits undone."""
    session = AssistSession(method or Discs())
    session.set_image(IMAGE, (2.5, 0.8, 0.8))
    session.add_point((4, 10, 10))
    session.add_scribble(drawn(4, slice(5, 15), 8), positive=True)
    session.add_scribble(drawn(2, slice(5, 15), 8), positive=False)
    session.lock(1)
    session.add_object()
    session.add_box((1, 2, 3), (7, 18, 17))
    session.add_lasso(drawn(5, slice(3, 12), slice(3, 12)))
    session.unlock(1)
    session.select(1)
    session.add_mask(drawn(slice(2, 6), slice(2, 9), slice(2, 9)))
    session.add_point((3, 3, 3), positive=False)
    session.lock(2)
    session.undo()
    return session


def packed(bits):
    return base64.b64encode(zlib.compress(bits)).decode()


def saved(**changes):
    return json.dumps({**json.loads(session_to_json(made_session())), **changes})


def same(one, other):
    return all(np.array_equal(one.mask_of(n), other.mask_of(n)) for n in one.objects)


def test_a_session_is_replayed():
    session = made_session()
    text = session_to_json(session)
    again = session_from_json(text, IMAGE, Discs())
    assert (again.objects, again.active, again.locked) == (session.objects, session.active, session.locked)
    assert (again.undone_count, again.picture.spacing_mm) == (1, (2.5, 0.8, 0.8))
    assert same(session, again)
    assert session_to_json(again) == text
    session.redo()
    again.redo()
    assert same(session, again)
    assert np.array_equal(session.add_point((6, 15, 15)).mask, again.add_point((6, 15, 15)).mask)


def test_an_undone_edit_that_is_forgotten_leaves_no_trace():
    """Regions depend on what was said before; what was undone and forgotten must not count."""
    live, replayed = Discs(), Discs()
    session = AssistSession(live)
    image = seen_image((700, 700))
    session.set_image(image, (1.0, 1.0))
    session.add_point((300, 300))
    session.add_point((20, 20))
    session.undo()
    session.add_point((650, 650))
    assert same(session, session_from_json(session_to_json(session), image, replayed))
    assert live.tasks[-1].positive.shape == replayed.tasks[-1].positive.shape


def test_the_text_is_small_and_holds_no_image():
    text = session_to_json(made_session())
    assert len(text) < 4000
    entry = json.loads(text)
    assert set(entry["image"]) == {"shape", "spacing_mm", "color", "sha256"}
    assert entry["method"] == {"name": "discs", "model": "first"}


def test_a_method_of_the_package_is_found_by_its_name():
    session = AssistSession("region-growing")
    session.set_image(IMAGE, (1.0, 1.0, 1.0))
    session.add_point((4, 10, 10))
    again = session_from_json(session_to_json(session), IMAGE)
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
    text = session_to_json(session)
    assert {"model", "provider", "threads"} <= json.loads(text)["method"].keys()
    assert same(session, session_from_json(text, image))


def test_a_colour_image():
    image = (np.stack([seen_image((30, 31), seed) for seed in range(3)], -1) * 1000).astype(np.int16)
    session = AssistSession(Discs())
    session.set_image(image, (1.0, 1.0), color=True)
    session.add_point((10, 10))
    assert same(session, session_from_json(session_to_json(session), image, Discs()))


def test_strides_do_not_matter_and_content_does():
    text = session_to_json(made_session())
    assert same(made_session(), session_from_json(text, np.asfortranarray(IMAGE), Discs()))
    other = IMAGE.copy()
    other[0, 0, 0] += 1
    for image in (other, IMAGE[:-1], IMAGE.astype(np.float64)):
        with pytest.raises(InputError, match="the session's image had"):
            session_from_json(text, image, Discs())


def test_another_method_or_model_is_refused():
    text = session_to_json(made_session())
    with pytest.raises(InputError, match="model first; this one has second"):
        session_from_json(text, IMAGE, Discs("second"))
    with pytest.raises(InputError, match="the session's method had name"):
        session_from_json(text, IMAGE, type("Other", (Discs,), {"name": "other"})())
    with pytest.raises(InputError, match="'discs'; pass that method"):
        session_from_json(text, IMAGE)


def test_masks_that_come_out_otherwise_are_refused():
    class Changed(Discs):
        def segment(self, task):
            return ~super().segment(task)

    with pytest.raises(InputError, match="object 2 is not the one saved"):
        session_from_json(session_to_json(made_session()), IMAGE, Changed())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        saved(version=2),
        saved(format="something"),
        saved(objects=0),
        saved(objects=10**9),
        saved(objects="two"),
        saved(undone=-1),
        saved(undone=100),
        saved(undone=None),
        saved(active=3),
        saved(active=[1]),
        saved(locked=[7]),
        saved(steps=None),
        saved(masks=["", ""]),
        saved(steps=[{"object": 1, "locked": [1], "prompt": {"kind": "point", "index": [1, 1, 1], "positive": True}}]),
    ],
)
def test_what_is_no_session_is_refused(text):
    with pytest.raises(InputError):
        session_from_json(text, IMAGE, Discs())


@pytest.mark.parametrize(
    "prompt",
    [
        {"kind": "point", "index": [1, 1], "positive": True},
        {"kind": "point", "index": [1, 1, 99], "positive": True},
        {"kind": "point", "index": [1, 1, 1e999], "positive": True},
        {"kind": "point", "index": [1, 1, 1], "positive": "false"},
        {"kind": "point", "index": [1, 1, 1]},
        {"kind": "circle", "index": [1, 1, 1], "positive": True},
        {"kind": "box", "lower": [1, 1, 1], "upper": [1, 2, 2]},
        {"kind": "scribble", "positive": True, "area": None},
        {"kind": "scribble", "positive": True, "area": {"lower": [0, 0, 0], "upper": [1, 1, 99], "bits": ""}},
        {"kind": "scribble", "positive": True, "area": {"lower": [0, 0, 0], "upper": [1, 1, 9], "bits": "AAAA"}},
        {
            "kind": "scribble",
            "positive": True,
            "area": {"lower": [0, 0, 0], "upper": [1, 1, 9], "bits": "eJwDAAAAAAE="},
        },
        {"kind": "mask", "area": {"lower": [0, 0], "upper": [1, 1], "bits": ""}},
        # more bits than voxels, and no voxel
        {"kind": "mask", "area": {"lower": [0, 0, 0], "upper": [1, 1, 9], "bits": packed(b"\xff\x80\x00")}},
        {"kind": "lasso", "positive": True, "area": {"lower": [0, 0, 0], "upper": [1, 1, 9], "bits": packed(b"\0\0")}},
    ],
)
def test_a_bad_saved_prompt_is_refused(prompt):
    text = saved(steps=[{"object": 1, "locked": [], "prompt": prompt}], undone=0)
    with pytest.raises(InputError):
        session_from_json(text, IMAGE, Discs())


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_damage_to_the_text_does_more_than_raise_an_input_error(data):
    text = session_to_json(made_session())
    place = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:place] + data.draw(st.sampled_from(["", "9", '"', "[", "-", "x"])) + text[place + 1 :]
    with contextlib.suppress(InputError):
        session_from_json(damaged, IMAGE, Discs())
