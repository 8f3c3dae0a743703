"""The texts of a run without the folder it lies in: a reader of the report is told tags and image ids."""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import escape

from maskwright.engine.service.qa_runs.manifest import MISSING
from maskwright.engine.storage import atomic_file

_NOT_THERE = r"(?:No such file or directory: )?"


def unplaced(text: str, folder: Path) -> str:
    """Return a text in which paths of a run's folder, and of labels seen from it, are cut down to tag and file."""
    for place in _spellings(folder):
        start = re.escape(place)
        text = re.sub(rf"{_NOT_THERE}{start}/{MISSING}/", "no label is stored: ", text)
        text = re.sub(rf"{start}/(?:\.\./)+(?:[^/\s]+/)*?labels/", "", text)
        text = text.replace(f"{place}/", "").replace(place, "the run")
    return text


def unplace_file(path: Path, folder: Path) -> None:
    """Do so for a file of text."""
    with atomic_file(path) as unfinished:
        unfinished.write_text(unplaced(path.read_text(encoding="utf-8"), folder), encoding="utf-8", newline="")


def _spellings(folder: Path) -> list[str]:
    """Return a path as messages, CSV and HTML write it: spaces drawn together, escapes, doubled quotes."""
    plain = str(folder).encode("utf-8", "backslashreplace").decode()
    spellings = {plain, " ".join(plain.split())}
    written = [[text, text.replace('"', '""'), str(escape(text))] for text in spellings]
    return sorted({text for texts in written for text in texts}, key=len, reverse=True)
