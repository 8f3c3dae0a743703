"""Earlier versions of a label: ``versions/<image id>.<n><suffix>``, n from 1, each with its record ``.json``."""

from __future__ import annotations

import os
import re
from pathlib import Path

from maskwright.engine.service.storage.names import LABEL_SUFFIXES
from maskwright.engine.storage import make_folder, sync_folder, unfinished_path, write_synced


def kept_versions(folder: Path, image: str, current: Path | None) -> list[Path]:
    """Return the earlier versions, oldest first; one that is the current label itself (see below) is left out."""
    found = _numbered(folder, image)
    return [path for _, path in sorted(found) if current is None or not _same(path, current)]


def keep_version(folder: Path, image: str, current: Path, record: Path) -> None:
    """Keep the current label and its record as the newest version, on the disk; the current one stays where it is.

    A save that was killed after this leaves a version that is the current label; it is not kept a second time.
    """
    make_folder(folder)
    found = _numbered(folder, image)
    if found and _same(max(found)[1], current):
        return
    number = max(found)[0] + 1 if found else 1
    suffix = current.name[len(image) :]
    if record.is_file():
        _duplicate(record, folder / f"{image}.{number}.json")
    _duplicate(current, folder / f"{image}.{number}{suffix}")
    sync_folder(folder)


def _numbered(folder: Path, image: str) -> list[tuple[int, Path]]:
    suffixes = "|".join(re.escape(suffix) for suffix in LABEL_SUFFIXES)
    pattern = re.compile(rf"{re.escape(image)}\.([1-9][0-9]{{0,8}})(?:{suffixes})", re.ASCII)
    if not folder.is_dir():
        return []
    matches = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    return [(int(match[1]), path) for match, path in matches if match is not None and not path.is_symlink()]


def _duplicate(source: Path, target: Path) -> None:
    """Give a file a second name. A link costs nothing, and the file is never written to: saves replace it."""
    unfinished = unfinished_path(target)
    try:
        os.link(source.resolve(), unfinished)
    except OSError:  # a file system without links
        write_synced(unfinished, source)
    unfinished.replace(target)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
