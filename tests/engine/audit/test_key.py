"""A key that others may read is refused, and a key is never made twice."""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from maskwright.cli import main
from maskwright.engine.audit import KEY_VARIABLE, AuditKey, AuditLog, key_path_of, read_key, read_or_create_key
from maskwright.errors import FileFormatError, InputError


def test_made_on_first_use_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    old = os.umask(0)
    try:
        key = read_or_create_key(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(key.secret) == 32
    assert read_or_create_key(path) == read_key(path) == key
    assert [file.name for file in tmp_path.iterdir()] == ["key"]  # nothing half-written stays
    assert read_or_create_key(tmp_path / "other") != key


def test_two_processes_make_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(read_or_create_key, [tmp_path / "key"] * 8))
    assert len({key.secret for key in keys}) == 1


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601, 0o666])
def test_lax_permissions_are_refused(log: Any, mode: int) -> None:
    log.key.chmod(mode)
    with pytest.raises(InputError, match=f"expected mode 0600, got {mode:04o}"):
        read_key(log.key)
    with pytest.raises(InputError, match="expected mode 0600"):
        AuditLog(log.path)


def test_a_key_may_be_read_only(log: Any) -> None:
    log.key.chmod(0o400)
    AuditLog(log.path).close()


@pytest.mark.parametrize(
    "content", ["", "a" * 63, "a" * 65, "g" * 64, "A" * 64, "a" * 64 + "\n\n", "a" * 64 + "\nmore"]
)
def test_a_malformed_key_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(FileFormatError, match="expected 64 hex digits, got something else") as raised:
        read_key(path)
    assert "aaa" not in str(raised.value)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_key_path_that_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "key")
    with pytest.raises(FileFormatError, match="is not a file"):
        read_key(tmp_path / "key")


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="cannot read the audit key"):
        read_key(tmp_path / "gone")
    with pytest.raises(FileFormatError, match="cannot write the audit key"):
        read_or_create_key(tmp_path / "no-folder" / "key")


def test_the_secret_is_not_printed(tmp_path: Path) -> None:
    key = read_or_create_key(tmp_path / "key")
    assert repr(key) == "AuditKey()"
    assert key.secret.hex() not in f"{key} {key!r}"


def test_hashes_are_keyed_and_take_any_name() -> None:
    key = AuditKey(bytes(32))
    # echo -en 'maskwright audit subject\nct-1' | openssl dgst -sha256 -mac HMAC -macopt hexkey:00...00
    assert key.subject("ct-1") == "5228de9db7c9b7188b2e4d379c0dc2a9676f165e1a19b7b5fc73223867c29fe7"
    assert key.subject("ct-1") != AuditKey(b"\1" * 32).subject("ct-1")
    assert key.subject("odd-\udcff-name") != key.subject("odd-\udcfe-name")


def test_the_variable_names_the_key_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_event: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "account" / "audit.key"
    monkeypatch.setenv(KEY_VARIABLE, str(place))
    database = tmp_path / "audit.db"
    with pytest.raises(FileFormatError, match=f"cannot write the audit key .*{KEY_VARIABLE}"):
        AuditLog(database)
    place.parent.mkdir()
    with AuditLog(database) as log:
        log.append(new_event(1))
    assert place.is_file()
    assert not (tmp_path / "audit.db.key").exists()
    assert main(["audit", "verify", str(database)]) == 0
    assert main(["audit", "checkpoints", str(database), "--out", str(tmp_path / "kept.jsonl")]) == 0
    assert main(["audit", "export", str(database), "--out", str(place)]) == 2  # it would replace the key
    AuditLog(database).close()
    capsys.readouterr()
    place.rename(tmp_path / "moved.key")
    assert main(["audit", "verify", str(database)]) == 2
    assert KEY_VARIABLE in capsys.readouterr().err
    assert main(["audit", "verify", str(database), "--key", str(tmp_path / "moved.key")]) == 0
    with pytest.raises(FileFormatError, match=KEY_VARIABLE):
        AuditLog(database)  # no second key is made for a log that has rows


def test_the_variable_wants_an_absolute_path_and_counts_when_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "audit.key")
    with pytest.raises(InputError, match=f"{KEY_VARIABLE}: expected an absolute path, got audit.key"):
        AuditLog(tmp_path / "audit.db")
    monkeypatch.setenv(KEY_VARIABLE, "")
    assert key_path_of(tmp_path / "audit.db") == tmp_path / "audit.db.key"
