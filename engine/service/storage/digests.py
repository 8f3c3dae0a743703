"""SHA-256 of images, computed when it is first asked for and again only where something changed."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from maskwright.engine.service.storage.listing import parts_of

_BLOCK = 1 << 20
Signature = tuple[tuple[str, int, int], ...]


class Digests:
    """Digests by path, each valid while names, sizes and times of change stay as they were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[Signature, str]] = {}

    def of(self, path: Path, format_name: str) -> str:
        """Return the SHA-256 of a file's bytes, or of a folder's file names, sizes and bytes in sorted order.

        Raises
        ------
        OSError
            The path is gone, or cannot be read.
        """
        # Looked at before the bytes are: a file that changes meanwhile has another signature the next time.
        signature = signature_of(path, format_name)
        with self._lock:
            known = self._known.get(path)
        if known is not None and known[0] == signature:
            return known[1]
        digest = _folder_digest(path, signature) if path.is_dir() else file_digest(path)
        with self._lock:
            self._known[path] = (signature, digest)
        return digest


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def signature_of(path: Path, format_name: str) -> Signature:
    """Return what changes with a file, or with any that a folder's image consists of.

    Raises
    ------
    OSError
        The path is gone, or cannot be read.
    """
    if not path.is_dir():
        status = path.stat()
        return (("", status.st_size, status.st_mtime_ns),)
    found = []
    for part in parts_of(path, format_name):
        if part.is_file():
            status = part.stat()
            found.append((Path(part.path).relative_to(path).as_posix(), status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))


def _folder_digest(path: Path, signature: Signature) -> str:
    digest = hashlib.sha256()
    for name, size, _ in signature:
        digest.update(os.fsencode(name) + b"\0" + size.to_bytes(8, "little"))
        with (path / name).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
