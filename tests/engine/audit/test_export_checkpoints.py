"""Checkpoints in another place tell more than a log alone; a good copy is never lost to a bad one."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maskwright.cli import main
from maskwright.engine.audit import AuditLog, Event, export_checkpoints, read_key, read_or_create_key
from maskwright.errors import AuditError, FileFormatError, InputError

Case = Any


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    status = main(["audit", *(str(argument) for argument in arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


def cut(log: Case, rows: int, checkpoints: int) -> None:
    """Cut rows and checkpoints together, as who may write both files can."""
    log.change(f"DELETE FROM events WHERE number > {rows}")
    log.checkpoints.write_bytes(b"".join(log.checkpoints.read_bytes().splitlines(keepends=True)[:checkpoints]))


def test_rows_and_checkpoints_cut_together_are_found_with_the_copy_only(
    log: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.jsonl"
    assert run(capsys, "checkpoints", log.path, "--out", kept) == (0, f"4 checkpoints: {kept}\n", "")
    assert kept.read_bytes() == log.checkpoints.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    cut(log, 20, 3)
    status, out, _ = run(capsys, "verify", log.path)
    assert (status, out) == (0, "whole: 20 rows, 20 of them under a signed checkpoint\n")
    status, out, _ = run(capsys, "verify", log.path, "--checkpoints", kept)
    assert status == 1
    assert "the tail was cut: a checkpoint of" in out
    assert "knows 30 rows, got 20" in out


def test_a_copy_that_knows_more_is_not_replaced(
    log: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str], new_event: Callable[[int], Event]
) -> None:
    kept = tmp_path / "kept.jsonl"
    export_checkpoints(log.path, read_key(log.key), kept)
    before = kept.read_bytes()
    cut(log, 20, 3)
    with AuditLog(log.path) as writer:  # it has grown beyond the copy since
        for index in range(21, 42):
            writer.append(new_event(index))
    status, out, err = run(capsys, "checkpoints", log.path, "--out", kept)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "holds a checkpoint of 30 rows that the log does not know any more" in err
    assert kept.read_bytes() == before
    assert "a row from 21 to 30 was changed" in run(capsys, "verify", log.path, "--checkpoints", kept)[1]


def test_a_copy_grows_with_the_log_that_is_written_to(
    log: Case, tmp_path: Path, new_event: Callable[[int], Event]
) -> None:
    kept = tmp_path / "kept.jsonl"
    key = read_key(log.key)
    kept.touch()
    assert export_checkpoints(log.path, key, kept) == 4
    with AuditLog(log.path, checkpoint_every=1) as writer:
        writer.append(new_event(31))
        assert export_checkpoints(log.path, key, kept) == 5
        writer.append(new_event(32))
    assert log.verify(kept).whole
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["kept.jsonl"]


@pytest.mark.parametrize("case", ["another key", "forged", "none", "gone"])
def test_unsigned_checkpoints_are_not_exported(log: Case, tmp_path: Path, case: str) -> None:
    key = read_key(log.key)
    if case == "another key":
        key = read_or_create_key(tmp_path / "other.key")
    elif case == "forged":
        log.checkpoints.write_text(log.checkpoints.read_text().replace('"rows":20', '"rows":21'))
    elif case == "none":
        log.checkpoints.write_text("")
    else:
        log.checkpoints.unlink()
    expected = FileFormatError if case == "gone" else AuditError
    with pytest.raises(expected, match="checkpoint"):
        export_checkpoints(log.path, key, tmp_path / "kept.jsonl")
    assert not (tmp_path / "kept.jsonl").exists()


def test_no_other_file_is_replaced(log: Case, tmp_path: Path) -> None:
    key = read_key(log.key)
    elsewhere = Path(shutil.copy(log.key, tmp_path / "kept.key"))
    (tmp_path / "notes.txt").write_text("notes without an end")
    (tmp_path / "other.jsonl").write_text('{"rows":1}\n')
    for out in (elsewhere, tmp_path / "notes.txt", tmp_path / "other.jsonl"):
        before = out.read_bytes()
        with pytest.raises(InputError, match="take another name"):
            export_checkpoints(log.path, key, out)
        assert out.read_bytes() == before
    for out in (log.checkpoints, log.key, log.path, Path()):
        with pytest.raises(InputError, match="--out"):
            export_checkpoints(log.path, key, out)
    with pytest.raises(FileFormatError, match="cannot write"):
        export_checkpoints(log.path, key, tmp_path / "no-folder" / "kept.jsonl")
