"""What was done in a session of the page, done again from its journal, comes to the same session in all it holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maskwright as mw
from maskwright.engine.service.protocols.v1.events import (
    BEGIN,
    PAGE_JOURNAL_POLICY,
    Adding,
    ChangingOne,
    Prompting,
    Propagating,
    Redoing,
    Undoing,
    begun,
    done,
    replay,
)
from maskwright.engine.service.protocols.v1.page_session import PageSession
from maskwright.engine.service.sessions.event import SessionEvent
from maskwright.engine.service.sessions.journal import SessionJournals
from maskwright.engine.service.sessions.recovery import SessionRecovery
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from maskwright.errors import GoneError, InputError

SHAPE = (5, 12, 14)


def drawn_image(seed=0):
    image = np.random.default_rng(seed).normal(100, 3, SHAPE)
    image[1:4, 3:9, 3:9] += 80
    return Volume(image.astype(np.float32), np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    mw.write(drawn_image(), folder / "a.nii.gz")
    with Datastore.open(folder) as store:
        yield AppState.of(store)


@pytest.fixture
def journals(tmp_path):
    return SessionJournals(tmp_path / "journals", 60, PAGE_JOURNAL_POLICY)


def begin(place, journals):
    entry = place.store.images()[0]
    session = PageSession()
    session.open(entry.id, entry.sha256, place.open(entry))
    journals.note("token", "me", begun(entry.id, entry.sha256))
    return session


def do(session, journals, asked):
    """Do what can be done, and write it down; return whether it could."""
    try:
        asked.carry_out(session)
    except InputError:
        return False
    journals.note("token", "me", done(asked))
    return True


def everything(session):
    """All that can be seen of a session: what it is now, and what undo and redo would come to."""
    found = [session.described(), session.labels().array.tobytes()]
    locked = [each["number"] for each in session.described()["objects"] if each["locked"]]
    for number in locked:
        session.change_object(number, None, False, False)
    for move in (session.redo, session.undo):
        while (answer := move())["ran"]:
            found += [answer, session.labels().array.tobytes()]
    return found


NUMBER = st.integers(1, 3)
VOXEL = st.tuples(*(st.integers(0, size - 1) for size in SHAPE)).map(list)
ACTS = st.one_of(
    st.builds(Prompting, object=NUMBER, kind=st.just("point"), index=VOXEL, positive=st.booleans()),
    st.builds(Prompting, object=NUMBER, kind=st.just("box"), lower=VOXEL, upper=VOXEL),
    st.builds(
        Prompting,
        object=NUMBER,
        kind=st.just("scribble"),
        voxels=st.lists(VOXEL, min_size=1, max_size=4),
        positive=st.booleans(),
    ),
    st.builds(
        lambda number, axis, given: Propagating(**{"object": number, "axis": axis, "given": given, "from": 1, "to": 4}),
        NUMBER,
        st.integers(0, 2),
        st.lists(st.integers(0, 4), min_size=1, max_size=2),
    ),
    st.builds(Adding, name=st.text(min_size=1, max_size=5)),
    st.builds(
        ChangingOne,
        number=NUMBER,
        name=st.none() | st.text(min_size=1, max_size=5),
        locked=st.none() | st.booleans(),
        active=st.sampled_from([None, True]),
    ),
    st.just(Undoing()),
    st.just(Redoing()),
)


@settings(deadline=None, max_examples=30)
@given(st.lists(ACTS, max_size=10))
def test_random_acts_done_again_come_to_the_same(place, tmp_path_factory, acts):
    journals = SessionJournals(tmp_path_factory.mktemp("journals"), 60, PAGE_JOURNAL_POLICY)
    session = begin(place, journals)
    for act in acts:
        do(session, journals, act)
    again = SessionRecovery(journals, lambda found: replay(found, place)).restore("token", "me")
    assert again is not None
    assert everything(again) == everything(session)


def test_a_propagation_and_a_lock_done_again(place, journals):
    session = begin(place, journals)
    for asked in (
        Prompting(object=1, kind="point", index=[2, 5, 5]),
        Propagating(object=1, axis=0, given=[2]),
        Adding(name="kidney"),
        Prompting(object=2, kind="scribble", voxels=[[2, 5, 5], [2, 5, 6]]),
        Undoing(),
        ChangingOne(number=1, name="liver", locked=True),
    ):
        assert do(session, journals, asked)
    again = replay(journals.acts("token", "me"), place)
    assert again.described()["objects"][0] == {"number": 1, "name": "liver", "locked": True}
    assert (again.labels().array == 1).sum() > 30
    assert everything(again) == everything(session)


def test_an_image_that_is_gone_or_another_one_is_said(tmp_path):
    path = tmp_path / "data" / "a.nii.gz"
    path.parent.mkdir()
    mw.write(drawn_image(), path)
    journals = SessionJournals(tmp_path / "journals", 60, PAGE_JOURNAL_POLICY)
    with Datastore.open(path.parent) as store:
        place = AppState.of(store)
        begin(place, journals)
        revival = SessionRecovery(journals, lambda found: replay(found, place))
        first = path.read_bytes()
        mw.write(drawn_image(seed=1), path)
        with pytest.raises(GoneError, match="has changed"):
            revival.restore("token", "me")
        path.unlink()
        for _ in range(2):  # not only the first one who asks is told
            with pytest.raises(GoneError, match="is gone"):
                revival.restore("token", "me")
        assert revival.restore("token", "you") is None
        path.write_bytes(first)
        assert revival.restore("token", "me") is not None


@pytest.mark.parametrize(
    "act",
    [
        SessionEvent("transmogrify", "{}"),
        SessionEvent("prompt", '{"object": "x", "kind": "point"}'),
        SessionEvent("prompt", '{"object": 1, "kind": "point", "index": [99, 0, 0]}'),
        SessionEvent("prompt", "no JSON"),
        SessionEvent("add", '{"name": "x", "colour": "red"}'),
        SessionEvent(BEGIN, '{"image": 3}'),
    ],
)
def test_what_this_version_does_not_know_is_forgotten(place, journals, act):
    begin(place, journals)
    journals.note("token", "me", act)
    assert SessionRecovery(journals, lambda found: replay(found, place)).restore("token", "me") is None
    assert journals.acts("token", "me") is None
