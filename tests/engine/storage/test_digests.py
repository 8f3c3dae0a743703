"""Digests change when the content does, and only then."""

import os
from pathlib import Path

import pytest

from maskwright.engine.storage import content_digest, settings_digest, source_digest


def test_a_file_is_its_bytes_not_its_name_or_date(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x" * 3_000_000)
    second.write_bytes(b"x" * 3_000_000)
    os.utime(second, (1, 1))
    assert content_digest(first) == content_digest(second)
    second.write_bytes(b"x" * 2_999_999 + b"y")
    assert content_digest(first) != content_digest(second)


def test_a_folder_is_its_names_and_bytes(tmp_path: Path) -> None:
    def folder(name: str, files: dict[str, bytes]) -> str:
        for inner, data in files.items():
            path = tmp_path / name / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return content_digest(tmp_path / name)

    digest = folder("one", {"a": b"1", "deep/b": b"23"})
    assert digest == folder("two", {"deep/b": b"23", "a": b"1"})
    assert digest != folder("three", {"a": b"1", "deep/c": b"23"})
    assert digest != folder("four", {"a": b"12", "deep/b": b"3"})
    assert digest != folder("five", {"a": b"1", "deep/b": b"23", "c": b""})


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        content_digest(tmp_path / "gone")


def test_settings_do_not_depend_on_their_order() -> None:
    assert settings_digest({"a": 1, "b": [1.5, None]}) == settings_digest({"b": [1.5, None], "a": 1})
    assert settings_digest({"a": 1}) != settings_digest({"a": 2})


def test_source_digest_changes_with_code_and_names_only(tmp_path):
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    (package / "inner" / "one.py").write_text("x = 1\n", encoding="utf-8")
    first = source_digest(package)
    (package / "notes.txt").write_text("no code", encoding="utf-8")
    assert source_digest(package) == first
    (package / "inner" / "one.py").write_text("x = 2\n", encoding="utf-8")
    changed = source_digest(package)
    (package / "inner" / "one.py").rename(package / "inner" / "two.py")
    assert len({first, changed, source_digest(package)}) == 3
