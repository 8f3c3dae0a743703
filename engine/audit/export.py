"""Write the events as JSON lines, for a reviewer who has no SQLite."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from maskwright.engine.audit.checkpoints import checkpoints_path
from maskwright.engine.audit.database import has_events, open_for_reading, read_rows
from maskwright.engine.audit.durable import sync_folder
from maskwright.engine.audit.log import key_path_of
from maskwright.kernels.errors import FileFormatError, InputError


def export_events(path: Path, out: Path) -> int:
    """Write each row of a log as a line of canonical JSON, its hash among the keys; return how many there were.

    The rows are not verified. The file is readable by its owner only, and appears when it is complete.

    Raises
    ------
    FileFormatError
        There is no audit log at ``path``, a row of it cannot be written down, or ``out`` cannot be written.
    InputError
        ``out`` is one of the log's own files, or names no file.
    """
    _require_other_file(path, out)
    unfinished = out.with_name(f".{secrets.token_hex(4)}.{out.name}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
            count = 0
            for line in _lines(path):
                file.write(f"{line}\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
        sync_folder(out.parent)
    except OSError as error:
        raise FileFormatError(f"cannot write {out}: {error.strerror}; take another file") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return count


def _lines(path: Path) -> Iterator[str]:
    with open_for_reading(path) as connection:
        number = 0
        try:
            if not has_events(connection):
                raise FileFormatError(f"{path}: expected an audit log, got another database: name an audit log")
            for row in read_rows(connection):
                yield row.to_json()
                number = row.number
        except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
            raise FileFormatError(
                f"the audit log {path} cannot be exported after row {number}: run maskwright audit verify"
            ) from error


def _require_other_file(path: Path, out: Path) -> None:
    if not out.name:
        raise InputError(f"--out: expected the name of a file, got {out}: add a name")
    beside = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
    if out.resolve() in {own.resolve() for own in (*beside, checkpoints_path(path), key_path_of(path))}:
        raise InputError(f"--out: {out} is a file of the audit log itself: take another name")
