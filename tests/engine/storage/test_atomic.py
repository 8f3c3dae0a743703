"""Files and folders are replaced whole or not at all."""

from pathlib import Path

import pytest

from maskwright.engine.storage import atomic_file, atomic_folder, is_unfinished, remove_unfinished, unfinished_path


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_file(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_file(path) as unfinished:
            unfinished.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / "old").touch()
    with atomic_folder(path) as unfinished:
        unfinished.mkdir()
        (unfinished / "new").touch()
    assert [entry.name for entry in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_names_keep_the_suffix_and_nothing_else(tmp_path: Path) -> None:
    name = unfinished_path(tmp_path / "jane doe.nii.gz").name
    assert is_unfinished(name)
    assert name.endswith(".nii.gz")
    assert "jane" not in name
    assert len(unfinished_path(tmp_path / f"a.{'b' * 250}").name) < 100


def test_unfinished_files_and_folders_are_removed(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "whole.txt").touch()
    unfinished_path(tmp_path / "inner" / "a.txt").touch()
    unfinished_path(tmp_path / "b").mkdir()
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["inner", "whole.txt"]
