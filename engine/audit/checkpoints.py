"""Signed heads of the chain, one JSON line each, in a file beside the database.

A checkpoint says: at this time the log had so many rows, and the last one had this hash. Without the key nobody can
write one, so a chain that was rebuilt or cut contradicts it. A copy of the file kept elsewhere also finds that rows
and checkpoints were cut together.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from maskwright.engine.audit.key import AuditKey
from maskwright.engine.audit.row import canonical
from maskwright.engine.storage import identity_of, sync_folder, try_lock, write_all
from maskwright.errors import AuditError, FileFormatError

_HEX = re.compile("[0-9a-f]{64}")
_LARGEST_FILE = 2**30  # four million checkpoints; a larger file is something else


@dataclass(frozen=True)
class Checkpoint:
    """The log had ``rows`` rows at ``time`` (UTC, ISO), and the last row's hash was ``head``."""

    rows: int
    head: str
    time: str

    def to_line(self, key: AuditKey) -> str:
        """Return the signed JSON line, without its end."""
        return canonical({**self._fields(), "signature": key.sign(canonical(self._fields()))})

    def _fields(self) -> dict[str, object]:
        return {"rows": self.rows, "head": self.head, "time": self.time}


@dataclass(frozen=True)
class CheckpointLines:
    """The content of a checkpoint file: checkpoints in order, and the numbers (from 1) of lines that are not signed."""

    checkpoints: tuple[Checkpoint, ...]
    forged: tuple[int, ...]
    sound_bytes: int
    """How many bytes stand before a last line that was not finished."""


def checkpoints_path(database: Path) -> Path:
    """Return where the checkpoints of a database are kept."""
    return database.with_name(f"{database.name}.checkpoints.jsonl")


def parse_checkpoint(line: bytes, key: AuditKey) -> Checkpoint | None:
    """Read one line; None when it is not a checkpoint with a right signature."""
    try:
        fields = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.keys() != {"rows", "head", "time", "signature"}:
        return None
    rows, head, time, signature = (fields[name] for name in ("rows", "head", "time", "signature"))
    if type(rows) is not int or not all(isinstance(text, str) for text in (head, time, signature)):
        return None
    if not _HEX.fullmatch(signature):
        return None  # the comparison takes nothing beyond ASCII
    checkpoint = Checkpoint(rows, head, time)
    signed = json.loads(checkpoint.to_line(key))["signature"]
    return checkpoint if hmac.compare_digest(signed, signature) else None


def parse_checkpoints(data: bytes, key: AuditKey) -> CheckpointLines:
    """Read the lines of a checkpoint file. A last line that was not finished (a killed process) is passed over."""
    *lines, rest = data.split(b"\n")
    parsed = [parse_checkpoint(line, key) for line in lines]
    forged = tuple(number for number, checkpoint in enumerate(parsed, 1) if checkpoint is None)
    checkpoints = [checkpoint for checkpoint in parsed if checkpoint is not None]
    last = parse_checkpoint(rest, key)
    if last is None:
        return CheckpointLines(tuple(checkpoints), forged, len(data) - len(rest))
    return CheckpointLines((*checkpoints, last), forged, len(data))  # only the line's end is missing: it still counts


def read_checkpoints(path: Path, key: AuditKey) -> CheckpointLines:
    """Read a checkpoint file.

    Raises
    ------
    FileFormatError
        It is missing, cannot be read or is far too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise FileFormatError(f"cannot read the checkpoints {path}: {error.strerror}; name a copy instead") from error
    if len(data) > _LARGEST_FILE:
        raise FileFormatError(f"the checkpoints {path}: expected at most {_LARGEST_FILE} bytes, got more: name a copy")
    return parse_checkpoints(data, key)


class CheckpointFile:
    """The checkpoint file of a log that is open for writing; it is locked, so that a log has one writer.

    Raises
    ------
    AuditError
        Another process, or another object of this one, writes this log; or the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise AuditError(f"cannot open the checkpoints {path}: {error.strerror}; take another folder") from error
        if not try_lock(self._descriptor):
            self.close()
            raise AuditError(f"another process writes the audit log of {path}: stop it, or take another log")
        self._expected = self.size

    @property
    def size(self) -> int:
        """The length in bytes."""
        return os.fstat(self._descriptor).st_size

    def load(self, key: AuditKey) -> CheckpointLines:
        """Read the file; a last line that a killed process did not finish is cut off, or ended if it is sound."""
        try:
            content = parse_checkpoints(os.pread(self._descriptor, self.size, 0), key)
            if content.sound_bytes < self.size:
                os.ftruncate(self._descriptor, content.sound_bytes)
            elif self.size and os.pread(self._descriptor, 1, self.size - 1) != b"\n":
                write_all(self._descriptor, b"\n")
        except OSError as error:
            raise self._unwritten(error) from error
        self._expected = self.size
        return content

    def append(self, checkpoint: Checkpoint, key: AuditKey) -> None:
        """Sign a checkpoint, add its line and flush it to the disk; on failure the file is as it was.

        Raises
        ------
        AuditError
            It cannot be written; or another file was put in its place, or it was altered, while it was open: the
            checkpoint would be lost.
        """
        before = self.size
        opened = os.fstat(self._descriptor)
        if before != self._expected or identity_of(self._path) != (opened.st_dev, opened.st_ino):
            words = f"the checkpoints {self._path} were altered or replaced while the log was open"
            raise AuditError(f"{words}: run maskwright audit verify, and keep their files")
        try:
            write_all(self._descriptor, f"{checkpoint.to_line(key)}\n".encode("ascii"))
            if not before:
                sync_folder(self._path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, before)
            raise self._unwritten(error) from error
        self._expected = self.size

    def _unwritten(self, error: OSError) -> AuditError:
        return AuditError(f"cannot write the checkpoints {self._path}: {error.strerror}; make room")

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)
