"""What the page shows images with is kept only when it is what was pinned."""

import hashlib
import importlib.util
import io
import os
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "fetch_assets.py"
CONTENT = b"globalThis.niivue = {};"


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The script, with a place of its own, and an `npm` that packs what lies in packed.tgz."""
    spec = importlib.util.spec_from_file_location("fetch_assets", SCRIPT)
    loaded = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fetch_assets", loaded)
    spec.loader.exec_module(loaded)
    monkeypatch.setattr(loaded, "ASSETS", tmp_path / "assets")
    monkeypatch.setattr(loaded, "NIIVUE", replace(loaded.NIIVUE, sha512=hashlib.sha512(CONTENT).hexdigest()))
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(f"#!/bin/sh\ncp {tmp_path}/packed.tgz package.tgz\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}{os.pathsep}{os.environ['PATH']}")
    return loaded


def pack(path, content, member="package/dist/niivue.umd.js"):
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(member)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))


def test_what_fits_is_kept_with_its_licence_and_not_fetched_again(script, tmp_path, monkeypatch):
    pack(tmp_path / "packed.tgz", CONTENT)
    assert script.main() == 0
    assert (tmp_path / "assets" / "niivue.umd.js").read_bytes() == CONTENT
    assert "BSD 2-Clause" in (tmp_path / "assets" / "NOTICE").read_text()
    assert sorted(path.name for path in (tmp_path / "assets").iterdir()) == ["NOTICE", "niivue.umd.js"]
    monkeypatch.setenv("PATH", "")
    assert script.main() == 0


@pytest.mark.parametrize(
    ("content", "member", "said"),
    [(b"other", "package/dist/niivue.umd.js", "than expected"), (CONTENT, "package/x.js", "could not be fetched")],
)
def test_what_does_not_fit_is_not_kept(script, tmp_path, capsys, content, member, said):
    pack(tmp_path / "packed.tgz", content, member)
    assert script.main() == 1
    assert said in capsys.readouterr().out
    assert not (tmp_path / "assets").exists()


def test_without_npm_it_is_said_how_to_get_it(script, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert script.main() == 1
    assert "install" in capsys.readouterr().out


def test_what_is_there_and_wrong_is_replaced(script, tmp_path):
    pack(tmp_path / "packed.tgz", CONTENT)
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "niivue.umd.js").write_bytes(b"half")
    assert script.main() == 0
    assert (tmp_path / "assets" / "niivue.umd.js").read_bytes() == CONTENT
