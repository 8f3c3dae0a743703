"""Volumes as the bytes of a file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from maskwright.engine.io import write
from maskwright.engine.volume import LabelMap, Volume


def volume_file(volume: Volume | LabelMap, suffix: str) -> bytes:
    """Return a volume in the format of a suffix; see ``engine.io.write`` for what is raised."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"volume{suffix}"
        write(volume, path)
        return path.read_bytes()
