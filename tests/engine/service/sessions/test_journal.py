"""SessionJournals give back what was noted, to its owner; damage is no journal, and a half line was never answered."""

import errno
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.engine.service.protocols.nninteractive.events import REMOTE_JOURNAL_POLICY, RESET, SET_IMAGE, SET_TARGET
from maskwright.engine.service.protocols.v1.events import BEGIN, PAGE_JOURNAL_POLICY
from maskwright.engine.service.sessions import journal
from maskwright.engine.service.sessions.event import SessionEvent
from maskwright.engine.service.sessions.journal import SessionJournals
from maskwright.errors import StorageError

IMAGE = SessionEvent(SET_IMAGE, "{}", b"image")


def test_acts_come_back_to_their_owner_and_images_go_with_the_last_journal(tmp_path):
    journals = SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY)
    acts = [IMAGE, SessionEvent(SET_TARGET, "{}"), SessionEvent("/add_lasso_interaction", "{}", b"\x00\xff")]
    for token in ("one", "two"):
        for act in acts:
            journals.note(token, "me", act)
    assert journals.acts("one", "me") == acts
    assert journals.acts("one", "you") is None
    assert journals.acts("three", "me") is None
    journals.note("one", "me", SessionEvent(RESET, "{}"))
    assert journals.acts("one", "me") == acts[:2]
    journals.forget("one", "you")
    assert journals.acts("one", "me") == acts[:2]
    journals.forget("one", "me")
    assert journals.acts("two", "me") == acts
    journals.forget("two")
    assert list(tmp_path.iterdir()) == []


def test_a_session_whose_first_act_brings_no_bytes_has_nothing_beside(tmp_path):
    journals = SessionJournals(tmp_path, 60, PAGE_JOURNAL_POLICY)
    acts = [SessionEvent(BEGIN, '{"image": "a"}'), SessionEvent(RESET, "{}"), SessionEvent("undo", "{}")]
    for act in acts:
        journals.note("one", "me", act)
    assert journals.acts("one", "me") == acts
    assert len(list(tmp_path.iterdir())) == 1


def test_an_act_after_a_torn_line_is_a_line_of_its_own(tmp_path):
    journals = SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY)
    acts = [IMAGE, SessionEvent("/undo", "{}"), SessionEvent("/predict", "{}")]
    for act in acts:
        journals.note("one", "me", act)
    path = next(tmp_path.glob("*.journal"))
    path.write_bytes(path.read_bytes()[:-7])
    again = SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY)
    assert again.acts("one", "me") == acts[:2]
    again.note("one", "me", acts[2])
    assert again.acts("one", "me") == acts


def test_what_has_run_out_is_forgotten_but_not_what_goes_on(tmp_path):
    before = SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY)
    for token in ("one", "two"):
        before.note(token, "me", IMAGE)
    for path in tmp_path.glob("*.journal"):
        os.utime(path, (time.time() - 61,) * 2)
    before.note("three", "me", IMAGE)
    assert len(list(tmp_path.glob("*.journal"))) == 3
    assert before.acts("one", "me") is None
    SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY)
    assert len(list(tmp_path.glob("*.journal"))) == 1
    assert before.acts("three", "me") == [IMAGE]


def test_what_was_asked_for_and_could_not_come_back_runs_out_all_the_same(tmp_path):
    before = SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY)
    for token in ("one", "two", "three"):
        before.note(token, "me", IMAGE)
    after = SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY)
    for token in ("one", "two", "three"):
        assert after.acts(token, "me") == [IMAGE]
    after.note("two", "me", SessionEvent("/undo", "{}"))
    after.touch("three")
    for path in tmp_path.glob("*.journal"):
        os.utime(path, (time.time() - 61,) * 2)
    after.forget_old()
    assert len(list(tmp_path.glob("*.journal"))) == 2  # those of the sessions that came back
    after.forget("two")
    after.forget("three")
    assert list(tmp_path.iterdir()) == []


def test_a_session_in_use_is_not_old(tmp_path):
    journals = SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY)
    journals.note("one", "me", IMAGE)
    os.utime(next(tmp_path.glob("*.journal")), (time.time() - 61,) * 2)
    journals.touch("one")
    journals.touch("two")
    assert SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY).acts("one", "me") == [IMAGE]


def test_a_session_that_ended_meanwhile_is_not_written_down_again(tmp_path):
    journals = SessionJournals(tmp_path, 60, PAGE_JOURNAL_POLICY)
    journals.note("one", "me", SessionEvent(BEGIN, "{}"))
    journals.forget("one")
    journals.note("one", "me", SessionEvent("undo", "{}"))
    assert list(tmp_path.iterdir()) == []


def test_on_a_full_disk_the_session_is_not_written_down_any_more_and_goes_on(tmp_path, monkeypatch, caplog):
    journals = SessionJournals(tmp_path, 60, PAGE_JOURNAL_POLICY)
    journals.note("one", "me", SessionEvent(BEGIN, "{}"))

    def full(path, mode="r", buffering=-1):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        journals.note("one", "me", SessionEvent("undo", "{}"))  # it was done: who asked is not told that it was refused
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        with pytest.raises(StorageError, match="free space"):
            journals.note("two", "me", SessionEvent(BEGIN, "{}"))
    assert journals.acts("one", "me") is None
    assert list(tmp_path.iterdir()) == []


def test_a_session_of_too_many_acts_is_not_written_down_any_more_and_goes_on(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(journal, "MOST_BYTES", 400)
    journals = SessionJournals(tmp_path, 60, REMOTE_JOURNAL_POLICY)
    journals.note("one", "me", IMAGE)
    for _ in range(20):
        journals.note("one", "me", SessionEvent("/undo", "{}"))
    assert journals.acts("one", "me") is None
    assert [record.getMessage() for record in caplog.records] == ["a session cannot be written down any more"]


def test_a_journal_that_cannot_be_removed_stops_nobody(tmp_path, monkeypatch, caplog):
    journals = SessionJournals(tmp_path, 60, PAGE_JOURNAL_POLICY)
    journals.note("one", "me", SessionEvent(BEGIN, "{}"))

    def read_only(path, missing_ok=False):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", read_only)
        journals.forget("one")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    os.utime(next(tmp_path.iterdir()), (time.time() - 61,) * 2)
    journals.forget_old()
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_journal_is_none_or_what_was_answered(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journals")
    journals = SessionJournals(folder, 60, REMOTE_JOURNAL_POLICY)
    acts = [IMAGE, SessionEvent("/undo", "{}"), SessionEvent("/predict", "{}")]
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
