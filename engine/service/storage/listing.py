"""The images under a folder, by name, or by the first bytes of a file. No voxel is decoded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from maskwright.engine.io.dicom.series import NAME as DICOM_SERIES
from maskwright.engine.io.formats import FORMATS, reader_of
from maskwright.errors import FileFormatError

LABELS = "labels"
"""The folder at the top that holds labels: nothing in it is an image."""

UPLOADS = "uploads"
"""The folder at the top that holds images of clients."""


@dataclass(frozen=True)
class ImageLocation:
    """One image: its path relative to the folder, with '/', and the name of its format."""

    relative: str
    format: str


def find_images(root: Path) -> Iterator[ImageLocation]:
    """Yield the images under a folder, in the order of their paths.

    Hidden files, ``labels`` at the top, links to folders and links that leave the folder are passed over, and with
    such a link all of the series or OME-Zarr image that holds it.
    """
    root = root.resolve()
    yield from sorted(_in_folder(root, root), key=lambda location: location.relative)


def stays_within(root: Path, path: Path) -> bool:
    """Tell whether a path is there and, its links followed, inside the folder (which must be resolved)."""
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError, ValueError):  # gone, a loop of links, or no possible name
        return False


def is_file_within(root: Path, entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a file, or a link to one inside the folder (which must be resolved)."""
    if entry.is_symlink():  # its target is read only where that is inside
        return stays_within(root, Path(entry.path)) and Path(entry.path).is_file()
    return entry.is_file(follow_symlinks=False)


def entries_of(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder; nothing where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # not ours to read, or gone since
        return []


def parts_of(path: Path, format_name: str) -> Iterator[os.DirEntry[str]]:
    """Yield the parts of a folder that is an image: of a DICOM series the files in it, else all that is below."""
    return _walk(path) if format_name != DICOM_SERIES else iter(entries_of(path))


def is_safe(root: Path, path: Path, format_name: str) -> bool:
    """Tell whether an image is there and no link of it leaves the folder (which must be resolved)."""
    if not stays_within(root, path):
        return False
    return path.is_file() or not any(_leaves(root, part) for part in parts_of(path, format_name))


def _in_folder(root: Path, folder: Path) -> Iterator[ImageLocation]:
    holds_series = False
    for entry in entries_of(folder):
        path = Path(entry.path)
        if entry.name.startswith(".") or (folder == root and entry.name == LABELS):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _folder_image(root, path) if _is_group(path) else _in_folder(root, path)
        elif is_file_within(root, entry):
            kind = _file_format(path, dicom=not holds_series)
            if kind == DICOM_SERIES:
                holds_series = True
            elif kind is not None:
                yield ImageLocation(path.relative_to(root).as_posix(), kind)
    if holds_series:
        yield from _folder_image(root, folder)


def _folder_image(root: Path, folder: Path) -> Iterator[ImageLocation]:
    """Yield the folder where it is one image; a folder whose only DICOM file is a segmentation is none."""
    try:
        kind = reader_of(folder)
    except (FileFormatError, OSError):
        return
    if kind.read is not None and is_safe(root, folder, kind.name):
        yield ImageLocation(folder.relative_to(root).as_posix(), kind.name)


def _is_group(folder: Path) -> bool:
    """Tell whether a folder is an image as a whole, whatever its files are (OME-Zarr)."""
    return any(kind.matches(folder) for kind in FORMATS if kind.is_folder)


def _file_format(path: Path, *, dicom: bool) -> str | None:
    for kind in FORMATS:
        if kind.read is None or (kind.name == DICOM_SERIES and not dicom):
            continue
        if kind.matches(path):
            return kind.name
    return None


def _leaves(root: Path, entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and not stays_within(root, Path(entry.path))


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    for entry in entries_of(folder):
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))


def existing_folder(folder: Path) -> Path:
    """Return the absolute path of a folder; FileFormatError where it cannot be listed."""
    try:
        resolved = folder.resolve(strict=True)
        next(resolved.iterdir(), None)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no possible name"
        raise FileFormatError(f"{folder}: cannot be served as a data folder ({reason})") from error
    return resolved
