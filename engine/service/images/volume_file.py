"""Volumes as the bytes of a file, noted in the account of memory until they are sent."""

from __future__ import annotations

import tempfile
from pathlib import Path

from maskwright.engine.io import write
from maskwright.engine.service.budget.request_context import current_request
from maskwright.engine.volume import LabelMap, Volume


def volume_file(volume: Volume | LabelMap, suffix: str) -> bytes:
    """Return a volume in the format of a suffix; see ``engine.io.write`` for what is raised.

    Raises
    ------
    CapacityError
        There is no memory for the file now.
    """
    request = current_request()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"volume{suffix}"
        write(volume, path)
        if request is not None:
            request.reserve(path.stat().st_size)  # its client may be slow to read it
        return path.read_bytes()
