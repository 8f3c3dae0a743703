"""Synced files are new, private and whole; folders are made down from the first that is there."""

import errno
import os
import stat
from pathlib import Path

import pytest

from maskwright.engine.storage import make_folder, sync_folder, synced_file, write_synced


def test_a_synced_file_is_new_and_private(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_synced(path, b"one")
    assert path.read_bytes() == b"one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError), synced_file(path):
        pass
    write_synced(tmp_path / "b", path, 0o644)
    assert (tmp_path / "b").read_bytes() == b"one"


def test_folders_are_private(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700, 0o700]
    make_folder(tmp_path / "a" / "b")


@pytest.mark.parametrize(("code", "raised"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_only_file_systems_that_cannot_sync_folders_are_excused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, raised: bool
) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fails)
    if raised:
        with pytest.raises(OSError, match="Input/output"):
            sync_folder(tmp_path)
    else:
        sync_folder(tmp_path)
