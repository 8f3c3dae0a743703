"""``maskwright audit``: one plain line and an exit status."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from maskwright.cli import main
from maskwright.engine.audit import export_events
from maskwright.errors import FileFormatError, InputError

Case = Any


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    status = main(["audit", *(str(argument) for argument in arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_whole(log: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "verify", log.path) == (0, "whole: 30 rows, 30 of them under a signed checkpoint\n", "")


def test_broken_names_the_row(log: Case, capsys: pytest.CaptureFixture[str]) -> None:
    log.change("UPDATE events SET actor = 'x' WHERE number = 17")
    status, out, err = run(capsys, "verify", log.path)
    assert (status, out.count("\n"), err) == (1, 1, "")
    assert out.startswith("broken: row 17 was changed")


def test_key_and_checkpoints_from_elsewhere(log: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = shutil.move(log.key, tmp_path / "kept.key")
    kept = shutil.copy(log.checkpoints, tmp_path / "kept.jsonl")
    log.change("DELETE FROM events")
    log.checkpoints.unlink()
    status, out, _ = run(capsys, "verify", log.path, "--key", key, "--checkpoints", kept)
    assert status == 1
    assert out.startswith("broken: the tail was cut")
    assert run(capsys, "verify", log.path)[0] == 2  # no key beside it


@pytest.mark.parametrize("case", ["gone", "text", "lax key", "no checkpoints", "no command", "no database"])
def test_bad_input_is_one_line_and_status_2(log: Case, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments: list[str | Path] = ["verify", log.path]
    if case == "gone":
        arguments[1] = log.path.with_name("gone.db")
    elif case == "text":
        log.path.write_text("hello" * 1000)
    elif case == "lax key":
        log.key.chmod(0o644)
    elif case == "no checkpoints":
        arguments += ["--checkpoints", log.path.with_name("gone.jsonl")]
    elif case == "no command":
        arguments = []
    else:
        arguments = ["verify"]
    status, out, err = run(capsys, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("maskwright: ")
    assert log.key.read_text().strip() not in err


def test_the_export_carries_the_chain(log: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "events.jsonl"
    out.write_text("old")
    assert run(capsys, "export", log.path, "--out", out) == (0, f"30 events: {out}\n", "")
    previous = "0" * 64
    lines = out.read_text().splitlines()
    assert len(lines) == 30
    for line, row in zip(lines, log.rows()):  # a reviewer with nothing of ours can check it
        fields = json.loads(line)
        stored = fields.pop("hash")
        text = previous + json.dumps(fields, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert stored == previous == row[-1]
    assert json.loads(lines[2])["details"] == {"prompt": "point", "positive": True, "voxels": 3}
    assert out.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".key", ".checkpoints.jsonl"])
def test_an_export_never_replaces_the_log(log: Case, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.read_bytes() for file in log.path.parent.iterdir()}
    folder = log.path.parent / "x"
    status, _, err = run(capsys, "export", log.path, "--out", folder / ".." / f"audit.db{suffix}")
    assert status == 2
    assert "a file of the audit log itself" in err
    assert {file: file.read_bytes() for file in log.path.parent.iterdir()} == before


def test_an_export_that_fails_leaves_the_old_one(log: Case, tmp_path: Path) -> None:
    out = tmp_path / "out" / "events.jsonl"
    with pytest.raises(FileFormatError, match="cannot write"):
        export_events(log.path, out)
    out.parent.mkdir()
    out.write_text("old")
    log.change("UPDATE events SET details = '{' WHERE number = 17")
    with pytest.raises(FileFormatError, match="cannot be exported after row 16"):
        export_events(log.path, out)
    assert [(file.name, file.read_text()) for file in out.parent.iterdir()] == [("events.jsonl", "old")]


def test_an_export_needs_a_name(log: Case) -> None:
    with pytest.raises(InputError, match="expected the name of a file"):
        export_events(log.path, Path())


def test_another_database_is_not_exported(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE a (b)")
    with pytest.raises(FileFormatError, match="another database"):
        export_events(tmp_path / "other.db", tmp_path / "out.jsonl")


@pytest.mark.parametrize("arguments", [["--help"], ["audit", "--help"], ["audit", "verify", "--help"]])
def test_help_loads_nothing_of_the_log(arguments: list[str]) -> None:
    code = f"import sys; from maskwright.cli import main; main({arguments!r}); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.splitlines()[-1].split())
    assert "audit" in run.stdout
    assert not loaded & {"sqlite3", "numpy", "maskwright.engine.audit"}


def test_verifying_loads_nothing_heavy(log: Case) -> None:
    call = f"main(['audit', 'verify', {str(log.path)!r}])"
    code = f"import sys; from maskwright.cli import main; {call}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("whole: 30 rows")
    assert not set(run.stdout.split()) & {"numpy", "numba", "polars", "rich"}
