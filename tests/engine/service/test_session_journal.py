"""Journals give back what was noted, to its owner; damage is no journal, and a half line was never answered."""

from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.engine.service.protocols.nninteractive_acts import RESET, SET_IMAGE, SET_TARGET, Act
from maskwright.engine.service.session_journal import Journals

IMAGE = Act(SET_IMAGE, "{}", b"image")


def test_acts_come_back_to_their_owner_and_images_go_with_the_last_journal(tmp_path):
    journals = Journals(tmp_path, 60)
    acts = [IMAGE, Act(SET_TARGET, "{}"), Act("/add_lasso_interaction", "{}", b"\x00\xff")]
    for token in ("one", "two"):
        for act in acts:
            journals.note(token, "me", act)
    assert journals.acts("one", "me") == acts
    assert journals.acts("one", "you") is None
    assert journals.acts("three", "me") is None
    journals.note("one", "me", Act(RESET, "{}"))
    assert journals.acts("one", "me") == acts[:2]
    journals.forget("one")
    assert journals.acts("two", "me") == acts
    journals.forget("two")
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_journal_is_none_or_what_was_answered(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journals")
    journals = Journals(folder, 60)
    acts = [IMAGE, Act("/undo", "{}"), Act("/predict", "{}")]
    for act in acts:
        journals.note("one", "me", act)
    path = next(folder.glob("*.journal"))
    written = path.read_bytes()
    path.write_bytes(written[: data.draw(st.integers(0, len(written)))])
    found = journals.acts("one", "me")
    assert found is None or found == acts[: len(found)]
    place = data.draw(st.integers(0, len(written) - 1))
    path.write_bytes(written[:place] + data.draw(st.binary(min_size=1, max_size=3)) + written[place + 1 :])
    journals.acts("one", "me")
