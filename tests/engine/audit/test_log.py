"""The log under threads, kills, full disks and second writers: it keeps every row that it took."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maskwright.engine.audit import AuditLog, Event, read_key, verify
from maskwright.engine.audit import checkpoints as checkpoints_module
from maskwright.errors import AuditError, FileFormatError, InputError

Case = Any
NewEvent = Callable[[int], Event]


def signed_rows(log: Case) -> list[str]:
    return [line.split('"rows":')[1].split(",")[0] for line in log.checkpoints.read_text().splitlines()]


def test_numbers_times_and_checkpoints(tmp_path: Path, log_of: Callable[[int, int], Case]) -> None:
    before = datetime.now(UTC).isoformat(timespec="milliseconds")
    log = log_of(25, 10)
    rows = log.rows()
    assert [row[0] for row in rows] == list(range(1, 26))
    times = [str(row[1]) for row in rows]
    assert before <= times[0]
    assert times == sorted(times)
    assert times[-1].endswith("+00:00")
    assert signed_rows(log) == ["0", "10", "20", "25"]


def test_the_hash_is_the_plain_definition(log: Case) -> None:
    before = log.rows()
    log.rehash(1)
    assert log.rows() == before


def test_eight_threads_append_at_once(tmp_path: Path, new_event: NewEvent) -> None:
    path = tmp_path / "audit.db"
    start = threading.Barrier(8)

    def work(worker: int) -> list[int]:
        start.wait()
        return [log.append(new_event(worker)) for _ in range(25)]

    with AuditLog(path, checkpoint_every=16) as log, ThreadPoolExecutor(8) as pool:
        key = read_key(tmp_path / "audit.db.key")
        done = [pool.submit(work, worker) for worker in range(8)]
        looks = [verify(path, key) for _ in range(5)]  # while they write
        numbers = [future.result() for future in done]
    assert sorted(number for found in numbers for number in found) == list(range(1, 201))
    assert all(found == sorted(found) for found in numbers)
    assert all(look.whole for look in looks)
    assert verify(path, key).to_line() == "whole: 200 rows, 200 of them under a signed checkpoint"


def test_every_commit_is_flushed(log: Case) -> None:
    """With less, a power cut may take rows that a checkpoint knows: a test cannot cut the power, so it asks SQLite."""
    with AuditLog(log.path) as writer:
        assert writer._connection is not None
        assert writer._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_it_goes_on_where_it_was(log: Case, new_event: NewEvent) -> None:
    with AuditLog(log.path) as writer:
        assert writer.rows == 30
        assert writer.append(new_event(31)) == 31
        assert writer.checkpoint().rows == 31
        assert writer.checkpoint() == writer.checkpoint()
        assert log.verify().signed_rows == 31
    assert signed_rows(log)[-2:] == ["30", "31"]


def test_a_killed_process_loses_no_event(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    program = (
        "import sys; from pathlib import Path; from maskwright.engine.audit import AuditLog, Event\n"
        "log = AuditLog(Path(sys.argv[1]), checkpoint_every=7)\n"
        "while True: print(log.append(Event('a', 'admin', 'x', 'allowed', subject='s')), flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(25):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        said = [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    told = int(said[-1]) if said else 25
    key = read_key(tmp_path / "audit.db.key")
    found = verify(path, key)
    assert found.whole
    assert found.rows >= told >= 25
    with AuditLog(path, checkpoint_every=1000) as log:
        assert log.rows == found.rows
        assert verify(path, key).signed_rows == found.rows  # signed at the opening


@pytest.mark.parametrize("cut", [1, 20, 500])
def test_an_unfinished_checkpoint_line_does_not_spoil_the_next(log: Case, new_event: NewEvent, cut: int) -> None:
    log.checkpoints.write_bytes(log.checkpoints.read_bytes()[:-cut])
    with AuditLog(log.path) as writer:
        writer.append(new_event(31))
    assert log.verify().to_line() == "whole: 31 rows, 31 of them under a signed checkpoint"


def test_one_writer_at_a_time(log: Case, new_event: NewEvent) -> None:
    with AuditLog(log.path) as writer:
        with pytest.raises(AuditError, match="another process writes"):
            AuditLog(log.path)
        assert writer.append(new_event(31)) == 31
    AuditLog(log.path).close()


def test_a_closed_log_takes_nothing(log: Case, new_event: NewEvent) -> None:
    writer = AuditLog(log.path)
    writer.close()
    writer.close()
    with pytest.raises(AuditError, match="is closed"):
        writer.append(new_event(31))
    with pytest.raises(AuditError, match="is closed"):
        writer.checkpoint()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'x' WHERE number = 3",
        "DELETE FROM events WHERE number = 30",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE number = 3",
        "INSERT INTO events SELECT 99, time, actor, role, action, subject, region, outcome, request_id, details, hash"
        " FROM events WHERE number = 3",
        "UPDATE events SET number = 31 WHERE number = 30",
    ],
)
def test_the_database_refuses_changes(log: Case, statement: str) -> None:
    before = log.rows()
    with closing(sqlite3.connect(log.path)) as database, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute(statement)
    assert log.rows() == before


def test_no_subject_reaches_any_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    with AuditLog(path, checkpoint_every=2) as log:
        for index in range(5):
            log.append(Event("night-shift", "viewer", "image.read", "allowed", subject=f"DOE^JOHN-{index}"))
        files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}  # the WAL too
    files |= {f"closed {file.name}": file.read_bytes() for file in tmp_path.iterdir()}
    assert any(b"night-shift" in data for data in files.values())  # the search can find something
    assert "audit.db-wal" in files
    assert not [name for name, data in files.items() if b"DOE" in data or "DOE".encode("utf-16-le") in data]


def test_the_same_subject_has_one_hash_for_one_key(log: Case, log_of: Callable[[int, int], Case]) -> None:
    other = log_of(2, 10)
    assert log.rows()[0][5] == read_key(log.key).subject("DOE^JOHN-1")
    assert log.rows()[0][5] != other.rows()[0][5] != other.rows()[1][5]


def test_files_are_for_their_owner_only(log: Case) -> None:
    for path in (log.path, log.key, log.checkpoints):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_refuses_the_event_and_keeps_the_log(tmp_path: Path, new_event: NewEvent) -> None:
    path = tmp_path / "audit.db"
    with AuditLog(path) as log:
        (pages,) = log._connection.execute("PRAGMA page_count").fetchone()  # type: ignore[union-attr]
        log._connection.execute(f"PRAGMA max_page_count = {pages + 1}")  # type: ignore[union-attr]
        with pytest.raises(AuditError, match="full; the event is refused"):
            deque((log.append(new_event(index)) for index in range(200)), maxlen=0)
        kept = log.rows
        log._connection.execute("PRAGMA max_page_count = 100000")  # type: ignore[union-attr]
        assert log.append(new_event(1)) == kept + 1
    assert verify(path, read_key(tmp_path / "audit.db.key")).rows == kept + 1


def test_a_checkpoint_that_cannot_be_written_is_made_up_for(
    tmp_path: Path, new_event: NewEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.db"
    real = checkpoints_module.write_all

    def half(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with AuditLog(path, checkpoint_every=2) as log:
        log.append(new_event(1))
        monkeypatch.setattr(checkpoints_module, "write_all", half)
        with pytest.raises(AuditError, match="No space left"):
            log.append(new_event(2))
        assert log.rows == 2  # the event itself is in
        monkeypatch.setattr(checkpoints_module, "write_all", real)
        log.append(new_event(3))
        found = verify(path, read_key(tmp_path / "audit.db.key"))
        assert (found.whole, found.rows, found.signed_rows) == (True, 3, 3)


def test_a_log_that_was_altered_while_open_takes_no_more(log: Case, new_event: NewEvent) -> None:
    with AuditLog(log.path) as writer:
        log.change("DELETE FROM events WHERE number = 30")
        with pytest.raises(AuditError, match="altered while it was open"):
            writer.append(new_event(31))
    assert log.kinds() == ["cut"]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM events WHERE number > 28", "a checkpoint knows 30 rows"),
        ("DELETE FROM events", "a checkpoint knows 30 rows"),
        ("UPDATE events SET hash = '' WHERE number = 30", "row 30 is not the one that was signed"),
        ("INSERT INTO events SELECT 31, time, actor, role, action, subject, region, outcome, request_id, details, hash"
         " FROM events WHERE number = 1", "row 31 was changed"),
        ("CREATE TABLE more (a)", "its table or the triggers"),
    ],
)  # fmt: skip
def test_a_log_with_a_broken_end_is_not_opened(log: Case, statement: str, words: str) -> None:
    log.change(statement)
    lines = log.checkpoints.read_bytes()
    for _ in range(2):  # and it is let go of
        with pytest.raises(AuditError, match=words):
            AuditLog(log.path)
    assert log.checkpoints.read_bytes() == lines


def test_a_log_without_its_files_does_not_start_anew(log: Case, tmp_path: Path) -> None:
    without_database, without_key, without_checkpoints = (log.copy_to(tmp_path / name) for name in "abc")
    without_database.path.unlink()
    with pytest.raises(AuditError, match="cannot open"):
        AuditLog(without_database.path)
    assert not without_database.path.exists()
    without_key.key.unlink()
    with pytest.raises(FileFormatError, match="cannot read the audit key"):
        AuditLog(without_key.path)
    assert not without_key.key.exists()
    without_checkpoints.checkpoints.unlink()
    with pytest.raises(AuditError, match="no signed checkpoint"):
        AuditLog(without_checkpoints.path)
    without_checkpoints.checkpoints.write_text("{}\n")
    with pytest.raises(AuditError, match="line 1 of its checkpoints"):
        AuditLog(without_checkpoints.path)


def test_a_killed_beginning_is_begun_again(log_of: Callable[[int, int], Case], new_event: NewEvent) -> None:
    log = log_of(0, 10)
    log.path.write_bytes(b"")  # killed before the table was made
    with AuditLog(log.path) as writer:
        assert writer.append(new_event(1)) == 1
    assert log.verify().whole


def test_bad_places(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot open the checkpoints"):
        AuditLog(tmp_path / "no-folder" / "audit.db")
    with pytest.raises(InputError, match="checkpoint_every"):
        AuditLog(tmp_path / "audit.db", checkpoint_every=0)
    (tmp_path / "victim").write_text("keep")
    (tmp_path / "audit.db.checkpoints.jsonl").symlink_to(tmp_path / "victim")
    with pytest.raises(AuditError, match="cannot open the checkpoints"):
        AuditLog(tmp_path / "audit.db")
    assert (tmp_path / "victim").read_text() == "keep"


def test_a_row_is_signed_only_when_it_is_on_the_disk(tmp_path: Path, new_event: NewEvent) -> None:
    path = tmp_path / "audit.db"
    with AuditLog(path, checkpoint_every=2) as log:
        for number in range(3):
            log.append(new_event(number), flush=False)
        assert log.checkpoint().rows == 3  # nobody reads: it is flushed first
        with closing(sqlite3.connect(path)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            log.append(new_event(3), flush=False)
            assert log.checkpoint().rows == 3  # the reader holds its row back
        assert log.checkpoint().rows == 4
        log.append(new_event(4), flush=False)
        log.append(new_event(5))  # flushes the one before
        assert log.checkpoint().rows == 6
        log.append(new_event(6), flush=False)
    assert verify(path, read_key(path.with_name("audit.db.key"))).signed_rows == 7
