"""The key of an audit log: it hides the subjects of events, and signs checkpoints.

Whoever holds the key can sign, and can test whether an event was about an identifier they guess. It lies in a file
that its owner alone may read, best on another disk or account than the database: the environment variable
``MASKWRIGHT_AUDIT_KEY`` names it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from maskwright.engine.storage import sync_folder, synced_file, unfinished_path
from maskwright.errors import FileFormatError, InputError

KEY_VARIABLE = "MASKWRIGHT_AUDIT_KEY"
"""The environment variable that names the key file, for a server, ``verify`` and ``export`` alike."""


@dataclass(frozen=True)
class AuditKey:
    """32 secret bytes; they are not shown when the key is printed."""

    secret: bytes = field(repr=False)

    def subject(self, identifier: str) -> str:
        """Return the keyed hash that stands for an image or a patient: HMAC-SHA256, in hex."""
        return self._mac("subject", identifier)

    def sign(self, text: str) -> str:
        """Return the signature of a checkpoint: HMAC-SHA256, in hex."""
        return self._mac("checkpoint", text)

    def _mac(self, purpose: str, text: str) -> str:
        # The purpose is part of the message, so that a subject's hash can never pass as a signature. An identifier
        # may be a file name whose bytes are no text.
        message = f"maskwright audit {purpose}\n{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()


def key_path_of(database: Path) -> Path:
    """Return where the key of a database is: as ``MASKWRIGHT_AUDIT_KEY`` says, else beside it.

    Raises
    ------
    InputError
        The variable holds a path that is not absolute: a server and ``verify`` may run in other folders.
    """
    named = os.environ.get(KEY_VARIABLE)
    if not named:
        return database.with_name(f"{database.name}.key")
    path = Path(named)
    if not path.is_absolute():
        raise InputError(f"{KEY_VARIABLE}: expected an absolute path, got {named}: write it from / on")
    return path


def read_key(path: Path) -> AuditKey:
    """Read a key file: 64 hex digits, readable by its owner only.

    Raises
    ------
    FileFormatError
        It is missing, cannot be read, or holds something else.
    InputError
        Others than its owner may read or write it.
    """
    try:
        # Not blocking: a pipe must not hold the reader for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        words = f"cannot read the audit key {path}: {error.strerror}; name it with --key or {KEY_VARIABLE}"
        raise FileFormatError(words) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileFormatError(f"the audit key {path} is not a file: name one with 64 hex digits")
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o077:
            raise InputError(f"the audit key {path}: expected mode 0600, got {mode:04o}: run chmod 600, or renew it")
        data = os.read(descriptor, 100)
    finally:
        os.close(descriptor)
    if not re.fullmatch(rb"[0-9a-f]{64}\n?", data):
        raise FileFormatError(f"the audit key {path}: expected 64 hex digits, got something else: name another file")
    return AuditKey(bytes.fromhex(data.decode("ascii")))


def read_or_create_key(path: Path) -> AuditKey:
    """Read the key file; where there is none, make one of random bytes with mode 0600. An old one is never replaced."""
    if not os.path.lexists(path):
        _create(path)
    return read_key(path)


def _create(path: Path) -> None:
    unfinished = unfinished_path(path)
    try:
        with synced_file(unfinished) as file:
            file.write(f"{secrets.token_hex(32)}\n".encode())
        try:
            os.link(unfinished, path)  # unlike a rename, it never replaces a key that came to be meanwhile
        except FileExistsError:
            return
        sync_folder(path.parent)
    except OSError as error:
        words = f"cannot write the audit key {path}: {error.strerror}; name another place in {KEY_VARIABLE}"
        raise FileFormatError(words) from error
    finally:
        unfinished.unlink(missing_ok=True)
