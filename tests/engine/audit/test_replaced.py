"""Files that are put back from a backup, or in another's place, and a clock that goes backwards."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from maskwright.engine.audit import AuditLog, Event, export_checkpoints, read_key
from maskwright.engine.audit import checkpoints as checkpoints_module
from maskwright.engine.audit import log as log_module
from maskwright.errors import AuditError

Case = Any
NewEvent = Callable[[int], Event]


def test_a_database_put_in_the_place_of_an_open_one_takes_no_event(
    log: Case, tmp_path: Path, new_event: NewEvent
) -> None:
    backup = shutil.copy(log.path, tmp_path / "backup.db")
    with AuditLog(log.path) as writer:
        Path(backup).replace(log.path)
        with pytest.raises(AuditError, match="another file was put in its place"):
            writer.append(new_event(31))
    assert len(log.rows()) == 30  # nothing was said to be written that is not there


@pytest.mark.parametrize("case", ["replaced", "cut", "removed"])
def test_checkpoints_that_were_touched_while_open_get_no_more(
    log: Case, tmp_path: Path, new_event: NewEvent, case: str
) -> None:
    whole = log.checkpoints.read_bytes()
    writer = AuditLog(log.path, checkpoint_every=1)
    if case == "replaced":
        (tmp_path / "older").write_bytes(whole)
        (tmp_path / "older").replace(log.checkpoints)
    elif case == "cut":
        log.checkpoints.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    else:
        log.checkpoints.unlink()
    with pytest.raises(AuditError, match="altered or replaced while the log was open: run maskwright audit verify"):
        writer.append(new_event(31))
    with pytest.raises(AuditError, match="altered or replaced"):
        writer.close()
    assert len(log.rows()) == 31  # the event itself is there


def test_an_older_database_under_newer_checkpoints_is_not_gone_on_with(
    log: Case, tmp_path: Path, new_event: NewEvent
) -> None:
    backup = shutil.copy(log.path, tmp_path / "backup.db")
    with AuditLog(log.path) as writer:
        for index in range(31, 36):
            writer.append(new_event(index))
    shutil.copy(backup, log.path)
    with pytest.raises(AuditError, match="a checkpoint knows 35 rows, and the last of them are gone"):
        AuditLog(log.path)
    assert log.kinds() == ["cut"]


def test_checkpoints_from_another_place_tell_a_backup_from_the_log(
    log: Case, tmp_path: Path, new_event: NewEvent
) -> None:
    backup = log.copy_to(tmp_path / "backup")
    with AuditLog(log.path) as writer:
        writer.append(new_event(31))
    kept = tmp_path / "kept.jsonl"
    export_checkpoints(log.path, read_key(log.key), kept)
    assert backup.verify().whole
    assert [finding.kind for finding in backup.verify(kept).findings] == ["cut"]
    with pytest.raises(AuditError, match="31 rows that the log does not know"):
        export_checkpoints(backup.path, read_key(backup.key), kept)


def test_a_clock_set_back_breaks_no_chain(log: Case, new_event: NewEvent, monkeypatch: pytest.MonkeyPatch) -> None:
    past = (datetime.now(UTC) - timedelta(days=400)).isoformat(timespec="milliseconds")
    monkeypatch.setattr(log_module, "_now", lambda: past)
    with AuditLog(log.path, checkpoint_every=1) as writer:
        writer.append(new_event(31))
        writer.append(new_event(32))
    assert [row[1] for row in log.rows()[30:]] == [past, past]  # as the clock said: no time is made up
    assert log.verify().to_line() == "whole: 32 rows, 32 of them under a signed checkpoint"


def test_a_full_disk_at_the_opening_is_an_error_of_ours(log: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    log.checkpoints.write_bytes(log.checkpoints.read_bytes()[:-1])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints_module, "write_all", full)
    with pytest.raises(AuditError, match="No space left on device; make room"):
        AuditLog(log.path)
    monkeypatch.undo()
    AuditLog(log.path).close()
