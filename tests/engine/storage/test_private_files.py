"""Files of the server's process: nobody else's to read, and none left in the temporary folder of a killed one."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from maskwright.engine.storage import private_files
from maskwright.errors import StorageError

WORK = """
import sys, tempfile
from pathlib import Path
from maskwright.engine.storage import private_files

with private_files():
    (Path(tempfile.mkdtemp()) / "content").write_bytes(b"x")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    tempfile.tempdir = None


def process():
    started = subprocess.Popen([sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdout.readline() == b"ready\n"
    return started


def contents(folder):
    return [*folder.rglob("content")]


def test_files_are_private_and_temporary(temporary):
    umask = os.umask(0o022)
    try:
        with private_files() as folder:
            assert folder.is_relative_to(temporary)
            made = Path(tempfile.mkdtemp())
            assert made.parent == folder
            (made / "file").write_bytes(b"x")
            (made / "folder").mkdir()
            for path in (made.parent.parent, folder, made, made / "folder", made / "file"):
                assert not stat.S_IMODE(path.stat().st_mode) & 0o077
            child = "import tempfile; print(tempfile.gettempdir())"
            assert subprocess.check_output([sys.executable, "-c", child], text=True).strip() == str(folder)
        assert not folder.exists()
        assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(temporary)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(umask)


def test_next_start_removes_files_of_a_killed_process(temporary):
    killed, living = process(), process()
    try:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(contents(temporary)) == 2
        with private_files():
            assert len(contents(temporary)) == 1
            assert living.poll() is None
    finally:
        living.communicate()
    assert contents(temporary) == []


@pytest.mark.parametrize("obstacle", ["link", "file", "readable"])
def test_folder_open_to_others_is_refused(temporary, obstacle):
    root = temporary / f"maskwright-{os.getuid()}"
    (temporary / "elsewhere").mkdir(mode=0o700)
    if obstacle == "link":
        root.symlink_to(temporary / "elsewhere")
    elif obstacle == "file":
        root.write_bytes(b"")
    else:
        root.mkdir()
        root.chmod(0o755)
    with pytest.raises(StorageError, match="TMPDIR"), private_files():
        pass
    assert [*(temporary / "elsewhere").iterdir()] == []
    assert tempfile.gettempdir() == str(temporary)
