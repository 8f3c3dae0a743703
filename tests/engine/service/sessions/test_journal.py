"""Journals give events back to their owner; one that cannot be read is kept; a half line was never answered."""

import errno
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.engine.service.sessions import journal
from maskwright.engine.service.sessions.journal import UPLOAD, SessionJournals
from maskwright.errors import InputError, LogVersionError, StorageError
from maskwright.interactive.sessions import log, migrations
from maskwright.interactive.sessions.events import ObjectAdded, PromptAdded, TargetSet, Undone
from maskwright.interactive.sessions.log import FORMAT, Header
from maskwright.interactive.sessions.migrations import VERSION
from maskwright.interactive.sessions.prompts import Point

HEADER = Header((4, 5, 6), (1.0, 1.0, 2.0), False, "", {"name": "network"}, {"image": "a"})
UPLOADED = Header((4, 5, 6), (1.0, 1.0, 2.0), False, "", {"name": "network"}, {UPLOAD: "0" * 64})
EVENTS = (ObjectAdded("liver"), PromptAdded(2, Point((1, 2, 3))), Undone())


def begin(journals, *tokens, header=HEADER, upload=b"", events=()):
    for token in tokens:
        journals.begin(token, "me", header, events, upload)


def events_of(journals, token, owner="me"):
    found = journals.read(token, owner)
    return None if found is None else found[0].events


def age(folder, seconds=61):
    for path in folder.glob("*.journal"):
        os.utime(path, (time.time() - seconds,) * 2)


def test_events_and_uploads_come_back_to_their_owner(tmp_path):
    journals = SessionJournals(tmp_path, 60)
    begin(journals, "one", "two", header=UPLOADED, upload=b"image")
    for token in ("one", "two"):
        for event in EVENTS:
            journals.append(token, [event])
    log, upload = journals.read("one", "me")
    assert (log.events, log.header.shape, upload) == (EVENTS, HEADER.shape, b"image")
    assert journals.read("one", "you") is None
    assert journals.read("three", "me") is None
    journals.forget("one")
    assert journals.read("one", "me") is None
    assert events_of(journals, "two") == EVENTS
    journals.forget("two")
    assert list(tmp_path.iterdir()) == []


def test_another_owner_removes_no_journal(tmp_path):
    begin(SessionJournals(tmp_path, 60), "one")
    after = SessionJournals(tmp_path, 60)
    after.forget("one", "you")
    assert events_of(after, "one") == ()
    after.forget("one", "me")
    assert list(tmp_path.iterdir()) == []


def test_session_that_begins_anew_has_a_new_journal(tmp_path):
    journals = SessionJournals(tmp_path, 60)
    begin(journals, "one", events=EVENTS)
    begin(journals, "one", events=(TargetSet("uint8"),))
    journals.append("one", EVENTS)
    assert events_of(journals, "one") == (TargetSet("uint8"), *EVENTS)


def test_journals_are_private(tmp_path):
    begin(SessionJournals(tmp_path / "sessions", 60), "one", header=UPLOADED, upload=b"image")
    assert [path.stat().st_mode & 0o077 for path in [tmp_path / "sessions", *(tmp_path / "sessions").iterdir()]] == [
        0
    ] * 3


def test_torn_line_is_cut_off(tmp_path):
    begin(SessionJournals(tmp_path, 60), "one", events=EVENTS)
    path = next(tmp_path.glob("*.journal"))
    path.write_bytes(path.read_bytes()[:-7])
    again = SessionJournals(tmp_path, 60)
    assert events_of(again, "one") == EVENTS[:2]
    again.append("one", EVENTS[2:])
    assert events_of(again, "one") == EVENTS


def test_expired_journals_are_removed(tmp_path):
    before = SessionJournals(tmp_path, 60)
    begin(before, "one", "two")
    age(tmp_path)
    begin(before, "three")
    assert len(list(tmp_path.glob("*.journal"))) == 3
    assert before.read("one", "me") is None
    SessionJournals(tmp_path, 60)
    assert len(list(tmp_path.glob("*.journal"))) == 1
    assert events_of(before, "three") == ()


def test_journal_that_is_only_read_still_expires(tmp_path):
    begin(SessionJournals(tmp_path, 60), "one", "two", "three")
    after = SessionJournals(tmp_path, 60)
    for token in ("one", "two", "three"):
        assert events_of(after, token) == ()
    after.append("two", EVENTS)
    after.append("three", ())
    age(tmp_path)
    after.remove_expired()
    assert len(list(tmp_path.glob("*.journal"))) == 2  # those of the sessions that came back
    after.forget("two")
    after.forget("three")
    assert list(tmp_path.iterdir()) == []


def test_journal_in_use_does_not_expire(tmp_path):
    journals = SessionJournals(tmp_path, 60)
    begin(journals, "one")
    age(tmp_path)
    journals.append("one", ())
    journals.append("two", ())
    assert events_of(SessionJournals(tmp_path, 60), "one") == ()


def test_ended_session_gets_no_journal(tmp_path):
    journals = SessionJournals(tmp_path, 60)
    begin(journals, "one")
    journals.forget("one")
    journals.append("one", EVENTS)
    assert list(tmp_path.iterdir()) == []


def write_later_version(path):
    lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({"format": FORMAT, "version": VERSION + 1, "new": []}), *lines[1:]]) + "\n")


def add_unknown_event(path):
    with path.open("a") as file:
        file.write('{"event": "Smoothed", "object_id": 1}\n')


def write_old_form(path):
    path.write_text('{"owner": "me", "image": "", "meta": "{}"}\n{"path": "undo", "text": "{}", "packed": ""}\n')


@pytest.mark.parametrize(
    "spoil", [write_later_version, add_unknown_event, write_old_form, lambda path: path.write_bytes(b"\xff\n")]
)
def test_unreadable_journal_is_kept_and_logged_once(tmp_path, caplog, spoil):
    begin(SessionJournals(tmp_path, 60), "one", header=UPLOADED, upload=b"image", events=EVENTS)
    path = next(tmp_path.glob("*.journal"))
    spoil(path)
    spoiled = path.read_bytes()
    after = SessionJournals(tmp_path, 60)
    for _ in range(2):
        with pytest.raises(InputError):
            after.read("one", "me")
        after.note_unreadable("one")
    after.forget("one", "me")
    after.forget("one")
    begin(after, "two")
    after.forget("two")
    age(tmp_path, 10**8)
    for journals in (after, SessionJournals(tmp_path, 60)):
        journals.remove_expired()
        journals.remove_expired()
    assert path.read_bytes() == spoiled
    assert len(list(tmp_path.glob("*.image"))) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "a session journal cannot be read by this version; it is kept"
    ] * 2  # once a server


def test_earlier_version_is_migrated(tmp_path, monkeypatch):
    begin(SessionJournals(tmp_path, 60), "one", events=EVENTS)

    def migrate(records):
        added = [{**each, "name": each["name"].upper()} if "name" in each else each for each in records[1:]]
        return [{**records[0], "version": VERSION + 1}, *added]

    for module in (journal, migrations, log):
        monkeypatch.setattr(module, "VERSION", VERSION + 1)
    monkeypatch.setitem(migrations.MIGRATIONS, VERSION, migrate)
    migrated = (ObjectAdded("LIVER"), *EVENTS[1:])
    journals = SessionJournals(tmp_path, 60)
    assert events_of(journals, "one") == migrated
    journals.append("one", [ObjectAdded("kidney")])  # a line of the present version
    assert events_of(SessionJournals(tmp_path, 60), "one") == (*migrated, ObjectAdded("kidney"))


def test_later_version_is_told_from_damage(tmp_path):
    begin(SessionJournals(tmp_path, 60), "one")
    write_later_version(next(tmp_path.glob("*.journal")))
    with pytest.raises(LogVersionError):
        SessionJournals(tmp_path, 60).read("one", "me")


def test_full_disk_ends_the_journal_and_not_the_session(tmp_path, monkeypatch, caplog):
    journals = SessionJournals(tmp_path, 60)
    begin(journals, "one")

    def full(path, *arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        patched.setattr(Path, "write_bytes", full)
        journals.append("one", EVENTS)  # they happened: the client is not told that they were refused
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        with pytest.raises(StorageError, match="free space"):
            begin(journals, "two")
    assert journals.read("one", "me") is None
    assert list(tmp_path.iterdir()) == []


def test_too_long_journal_ends(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(journal, "MOST_BYTES", 800)
    journals = SessionJournals(tmp_path, 60)
    begin(journals, "one")
    for _ in range(50):
        journals.append("one", EVENTS[2:])
    assert journals.read("one", "me") is None
    assert [record.getMessage() for record in caplog.records] == ["a session has no journal any more"]


def test_journal_that_cannot_be_removed_is_logged(tmp_path, monkeypatch, caplog):
    journals = SessionJournals(tmp_path, 60)
    begin(journals, "one")

    def read_only(path, missing_ok=False):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", read_only)
        journals.forget("one")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    age(tmp_path)
    journals.remove_expired()
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_damaged_journal_is_refused_or_a_prefix(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journals")
    journals = SessionJournals(folder, 60)
    begin(journals, "one", events=EVENTS)
    path = next(folder.glob("*.journal"))
    written = path.read_bytes()
    path.write_bytes(written[: data.draw(st.integers(0, len(written)))])
    try:
        found = events_of(journals, "one")
        assert found == EVENTS[: len(found)]
    except InputError:
        assert b"\n" not in path.read_bytes()
    place = data.draw(st.integers(0, len(written) - 1))
    damaged = written[:place] + data.draw(st.binary(min_size=1, max_size=3)) + written[place + 1 :]
    path.write_bytes(damaged)
    try:
        journals.read("one", "me")
    except InputError:
        assert path.read_bytes() == damaged
