from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskwright.engine.service.storage import Datastore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder of three images; nothing reads their voxels."""
    data = tmp_path / "data"
    (data / "b").mkdir(parents=True)
    (data / "a.nii.gz").write_bytes(gzip.compress(b"a"))
    (data / "b" / "one two.nrrd").write_bytes(b"NRRD0004\n")
    (data / "c.png").write_bytes(b"\x89PNG")
    return data


@pytest.fixture
def store(folder: Path) -> Iterator[Datastore]:
    with Datastore.open(folder) as opened:
        yield opened
