"""Every change of a log without its key is found, and the row is named."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from maskwright.engine.audit import AuditLog, Event, read_key, read_or_create_key, verify
from maskwright.engine.audit.checkpoints import Checkpoint
from maskwright.errors import FileFormatError

# A Case of conftest.py: with importlib's import mode it cannot be imported from there.
Case = Any


def test_a_whole_log(log: Case) -> None:
    found = log.verify()
    assert (found.whole, found.rows, found.signed_rows) == (True, 30, 30)
    assert found.to_line() == "whole: 30 rows, 30 of them under a signed checkpoint"


def test_acts_without_an_outcome_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    with AuditLog(path) as log:
        for request, outcome in (("a", "begun"), ("b", "begun"), ("c", "allowed"), ("a", "failed"), ("d", "begun")):
            log.append(Event("ann", "annotator", "save_label", outcome, request_id=request))
    found = verify(path, read_key(path.with_name("audit.db.key")))
    assert (found.whole, found.unfinished) == (True, 2)
    assert found.to_line() == "whole: 5 rows, 5 of them under a signed checkpoint; 2 acts began and have no outcome"


def test_an_empty_log_is_whole(log_of: Callable[[int, int], Case]) -> None:
    assert log_of(0, 10).verify().whole


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'someone-else'",
        "time = '2020-01-01T00:00:00.000+00:00'",
        "role = 'admin'",
        "action = 'x'",
        "subject = NULL",
        "region = NULL",
        "outcome = 'refused'",
        "request_id = ''",
        "details = '{}'",
        "details = details || ' '",
        "details = '{\"a\":1,' || substr(details, 2)",
        "details = '[' || details",
        "hash = upper(hash)",
        "hash = ''",
        "actor = CAST(x'ff00fe' AS TEXT)",
    ],
)
def test_a_changed_row_is_named(log: Case, change: str) -> None:
    log.change(f"UPDATE events SET {change} WHERE number = 17")
    (finding, *_) = log.verify().findings
    assert (finding.kind, finding.first, finding.last) == ("changed", 17, 17)
    assert "row 17 was changed" in log.verify().to_line()


def test_a_changed_row_with_a_fitting_hash_is_named_with_the_next(log: Case) -> None:
    last = log.rows()[17][-1]
    log.change("UPDATE events SET actor = 'x' WHERE number = 17")
    log.rehash(17)
    log.change(f"UPDATE events SET hash = '{last}' WHERE number = 18")
    assert "row 18 was changed, or row 17 was and got a new hash" in log.verify().to_line()


@pytest.mark.parametrize(
    ("removed", "first", "last", "words"),
    [
        ("number = 17", 17, 17, "row 17 is missing"),
        ("number BETWEEN 12 AND 14", 12, 14, "rows 12 to 14 are missing"),
        ("number = 1", 1, 1, "row 1 is missing"),
    ],
)
def test_a_removed_row_is_named(log: Case, removed: str, first: int, last: int, words: str) -> None:
    log.change(f"DELETE FROM events WHERE {removed}")
    (finding, *_) = log.verify().findings
    assert (finding.kind, finding.first, finding.last) == ("missing", first, last)
    assert log.verify().to_line() == f"broken: {words}"


def test_a_removed_row_whose_number_was_given_to_the_next(log: Case) -> None:
    log.change("DELETE FROM events WHERE number = 17", "UPDATE events SET number = number - 1 WHERE number > 17")
    assert log.kinds() == ["changed", "rebuilt"]
    assert log.verify().findings[0].first == 17


@pytest.mark.parametrize("number", [0, -3, 31])
def test_an_added_row_is_found(log: Case, number: int) -> None:
    log.change(f"INSERT INTO events SELECT {number}, time, actor, role, action, subject, region, outcome, request_id,"
               " details, hash FROM events WHERE number = 1")  # fmt: skip
    assert log.kinds()[0] == ("added" if number < 1 else "changed")


def test_a_cut_tail_is_found(log: Case) -> None:
    log.change("DELETE FROM events WHERE number > 25")
    (finding,) = log.verify().findings
    assert (finding.kind, finding.first, finding.last) == ("cut", 26, 30)
    assert "knows 30 rows, got 25" in log.verify().to_line()


def test_a_cut_tail_is_found_with_older_checkpoints(log: Case) -> None:
    log.change("DELETE FROM events WHERE number > 12")
    lines = log.checkpoints.read_text().splitlines(keepends=True)
    log.checkpoints.write_text("".join(lines[:3]))  # 0, 10 and 20 rows
    assert [(f.kind, f.first, f.last) for f in log.verify().findings] == [("cut", 13, 20)]


def test_rows_cut_with_their_checkpoints_are_found_by_a_copy(log: Case, tmp_path: Path) -> None:
    kept = shutil.copy(log.checkpoints, tmp_path / "elsewhere.jsonl")
    log.change("DELETE FROM events WHERE number > 10")
    log.checkpoints.write_text("".join(log.checkpoints.read_text().splitlines(keepends=True)[:2]))
    assert log.verify().whole  # nothing on this disk knows better
    assert [f.kind for f in log.verify(kept).findings] == ["cut"]


def test_the_file_beside_counts_although_another_is_named(log: Case, tmp_path: Path) -> None:
    old = tmp_path / "old.jsonl"
    old.write_text("".join(log.checkpoints.read_text().splitlines(keepends=True)[:2]))
    log.change("DELETE FROM events WHERE number > 10")
    assert [f.kind for f in log.verify(old).findings] == ["cut"]


def test_a_forged_checkpoint_is_found(log: Case) -> None:
    log.change("DELETE FROM events WHERE number > 25")
    lines = log.checkpoints.read_text().splitlines()
    forged = {**json.loads(lines[-1]), "rows": 25, "head": log.rows()[-1][-1]}
    log.checkpoints.write_text("\n".join([*lines[:-1], json.dumps(forged, sort_keys=True)]) + "\n")
    (finding,) = log.verify().findings
    assert (finding.kind, finding.first) == ("forged", 4)
    assert "line 4 of audit.db.checkpoints.jsonl is forged" in finding.message


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"rows":1}',
        '{"rows":30,"head":"","time":"","signature":7}',
        '{"rows":30,"head":"","time":"","signature":"\\u00e9"}',
        '{"rows":"30","head":"","time":"","signature":""}',
        '{"rows":30,"head":[],"time":{},"signature":""}',
        "\udcff",
        "[" * 100_000,
        '{"rows":' + "9" * 5000,
    ],
)
def test_a_line_that_is_no_checkpoint_is_found(log: Case, line: str) -> None:
    whole = log.checkpoints.read_bytes()
    log.checkpoints.write_bytes(line.encode("utf-8", "surrogateescape") + b"\n" + whole)
    assert log.kinds() == ["forged"]


def test_another_key_signs_nothing(log: Case, tmp_path: Path) -> None:
    other = read_or_create_key(tmp_path / "other.key")
    assert [f.kind for f in verify(log.path, other).findings] == ["forged"]
    with log.checkpoints.open("a") as file:
        file.write(Checkpoint(30, str(log.rows()[-1][-1]), "2026-01-01T00:00:00.000+00:00").to_line(other) + "\n")
    assert log.kinds() == ["forged"]


def test_a_subject_is_no_signature(log: Case) -> None:
    key = read_key(log.key)
    assert key.subject("x") != key.sign("x")


@pytest.mark.parametrize("row", [1, 10, 17, 30])
def test_a_chain_rebuilt_without_the_key_is_found(log: Case, row: int) -> None:
    log.change(f"UPDATE events SET outcome = 'refused' WHERE number = {row}")
    log.rehash(row)
    (finding,) = log.verify().findings
    assert finding.kind == "rebuilt"
    assert finding.first <= row <= finding.last
    assert finding.last - finding.first == 9  # as near as the checkpoints stand


def test_rows_under_the_chain_alone_are_counted(log: Case) -> None:
    """After the last checkpoint a change is found, a rebuilt chain is not: the verdict says how many rows those are."""
    lines = log.checkpoints.read_text().splitlines(keepends=True)
    log.checkpoints.write_text("".join(lines[:3]))
    log.change("UPDATE events SET outcome = 'refused' WHERE number = 25")
    assert log.kinds() == ["changed"]
    log.rehash(25)
    assert log.verify().to_line().endswith("20 of them under a signed checkpoint, the last 10 held by the chain only")


@pytest.mark.parametrize("remove", [True, False])
def test_without_checkpoints_a_log_is_not_whole(log: Case, remove: bool) -> None:
    if remove:
        log.checkpoints.unlink()
    else:
        log.checkpoints.write_bytes(b"")
    assert log.kinds() == ["unsigned"]


def test_a_line_that_was_not_finished_is_passed_over(log: Case) -> None:
    whole = log.checkpoints.read_bytes()
    log.checkpoints.write_bytes(whole[:-20])
    found = log.verify()
    assert (found.whole, found.rows, found.signed_rows) == (True, 30, 20)
    assert found.to_line().endswith("20 of them under a signed checkpoint, the last 10 held by the chain only")
    log.checkpoints.write_bytes(whole[:-1])  # as some editors leave a file: the signature is there and counts
    assert log.verify().signed_rows == 30


@pytest.mark.parametrize("gone", ["no_update", "no_delete", "only_next"])
def test_a_dropped_trigger_is_found(log: Case, gone: str) -> None:
    log.change()  # the triggers are dropped and put back: nothing to find
    assert log.verify().whole
    with closing(sqlite3.connect(log.path)) as database:
        database.execute(f"DROP TRIGGER {gone}")
    assert log.kinds() == ["schema"]


def test_a_view_in_place_of_the_table_is_found(log: Case) -> None:
    with closing(sqlite3.connect(log.path)) as database:
        database.execute("ALTER TABLE events RENAME TO old")
        database.execute("CREATE VIEW events AS SELECT * FROM old")
        database.commit()
    assert log.kinds() == ["schema"]
    assert log.verify().rows == 0  # a view may go on for ever: it is not read


def test_a_further_table_is_found(log: Case) -> None:
    with closing(sqlite3.connect(log.path)) as database:
        database.execute("CREATE TABLE names (subject, name)")
    assert log.kinds() == ["schema"]


def test_a_log_can_be_verified_while_it_is_written_to(log: Case, new_event: Callable[[int], Any]) -> None:
    with AuditLog(log.path, checkpoint_every=100) as writer:
        writer.append(new_event(1))
        found = log.verify()
    assert (found.whole, found.rows, found.signed_rows) == (True, 31, 30)


def test_another_file_is_bad_input(tmp_path: Path, log: Case) -> None:
    key = read_key(log.key)
    text, empty, other = (tmp_path / name for name in ("text", "empty", "other.db"))
    text.write_text("hello" * 1000)
    empty.touch()
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE a (b)")
    words = {
        tmp_path / "gone": "there is no audit log",
        tmp_path: "there is no audit log",
        text: "expected an SQLite database",
        empty: "another database",
        other: "another database",
    }
    for path, expected in words.items():
        with pytest.raises(FileFormatError, match=expected):
            verify(path, key)
    with pytest.raises(FileFormatError, match="cannot read the checkpoints"):
        log.verify(tmp_path / "gone.jsonl")


@pytest.mark.parametrize("wal", [b"", b"rows that are not in the database"])
def test_a_copy_on_a_medium_that_cannot_be_written(log: Case, wal: bytes) -> None:
    code = (
        "import os, sys; from pathlib import Path; from maskwright.engine.audit import read_key, verify\n"
        "path = Path(sys.argv[1])\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: path.with_name('x').touch()\n"
        "except PermissionError: print(verify(path, read_key(path.with_name('audit.db.key'))).to_line())"
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        files = [Path(shutil.copy(file, folder)) for file in (log.path, log.key, log.checkpoints)]
        if wal:
            files.append(Path(folder) / "audit.db-wal")
            files[-1].write_bytes(wal)
        for file in files:
            file.chmod(0o400)
            if os.geteuid() == 0:
                os.chown(file, 65534, 65534)
        Path(folder).chmod(0o555)
        run = subprocess.run([sys.executable, "-c", code, str(files[0])], capture_output=True, text=True, check=False)
        Path(folder).chmod(0o700)
    if wal:
        assert "with its WAL here: copy both to another folder" in run.stderr
    else:
        assert (run.stdout, run.stderr) == ("whole: 30 rows, 30 of them under a signed checkpoint\n", "")
