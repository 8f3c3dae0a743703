"""SHA-256 of files, folders and settings."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_BLOCK = 1 << 20


def file_digest(path: Path) -> str:
    """Return the digest of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_digest(path: Path, parts: Iterable[str] | None = None) -> str:
    """Return the digest of a file's bytes, or of a folder's file names, sizes and bytes in sorted order.

    Parameters
    ----------
    path : Path
        A file or a folder.
    parts : iterable of str, optional
        The files of the folder that count, relative to it, with "/"; by default every file below it.

    Raises
    ------
    OSError
        A file is gone or cannot be read.
    """
    if not path.is_dir():
        return file_digest(path)
    if parts is None:
        parts = (inner.relative_to(path).as_posix() for inner in path.rglob("*") if inner.is_file())
    digest = hashlib.sha256()
    for part in sorted(parts):
        inner = path / part
        digest.update(os.fsencode(part) + b"\0" + inner.stat().st_size.to_bytes(8, "little"))
        _add_file(digest, inner)
    return digest.hexdigest()


def source_digest(package: Path) -> str:
    """Return the digest of a package's Python files.

    A stored result is valid for the code that made it; the version alone does not change while the code is worked on.
    """
    return content_digest(package, (path.relative_to(package).as_posix() for path in package.rglob("*.py")))


def settings_digest(settings: Mapping[str, object]) -> str:
    """Return the digest of settings: names to numbers, texts, None, and lists and tables of them."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _add_file(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
