"""Digests of files, folders and settings: what makes two runs of a case the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

_BLOCK = 1 << 20


def content_digest(path: Path) -> str:
    """Return the digest of a file's bytes, or of a folder's file names and bytes in sorted order.

    Raises
    ------
    FileNotFoundError
        Nothing is there.
    """
    digest = hashlib.blake2b(digest_size=20)
    if not path.is_dir():
        _add_file(digest, path)
        return digest.hexdigest()
    for inner in sorted(inner for inner in path.rglob("*") if inner.is_file()):
        digest.update(inner.relative_to(path).as_posix().encode("utf-8", "surrogateescape") + b"\0")
        digest.update(inner.stat().st_size.to_bytes(8, "little"))
        _add_file(digest, inner)
    return digest.hexdigest()


def source_digest(package: Path) -> str:
    """Return the digest of a package's Python files: a number must not outlive the code that made it.

    The version alone does not change while the code is worked on.
    """
    digest = hashlib.blake2b(digest_size=20)
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode("utf-8") + b"\0")
        _add_file(digest, path)
    return digest.hexdigest()


def settings_digest(settings: Mapping[str, object]) -> str:
    """Return the digest of settings: names to numbers, texts, None, and lists and tables of them."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode("ascii"), digest_size=20).hexdigest()


def _add_file(digest: hashlib.blake2b, path: Path) -> None:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
