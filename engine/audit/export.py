"""Write a log out: its events for a reviewer without SQLite, and its signed checkpoints for another place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from maskwright.engine.audit.checkpoints import CheckpointLines, checkpoints_path, read_checkpoints
from maskwright.engine.audit.database import has_events, open_for_reading, read_rows
from maskwright.engine.audit.key import AuditKey, key_path_of
from maskwright.engine.storage import atomic_file, sync_folder, synced_file
from maskwright.errors import AuditError, FileFormatError, InputError


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
    return _write_lines(_lines(path), out)


def export_checkpoints(path: Path, key: AuditKey, out: Path) -> int:
    """Write the signed checkpoints of a log, one JSON line each; return how many there were.

    A copy in another place tells that rows and checkpoints were cut together, which the files of a log alone cannot.
    So a file that is there is replaced only when all that it knows is still known. The log may be written to meanwhile.

    Raises
    ------
    FileFormatError
        There are no checkpoints of a log at ``path``, or ``out`` cannot be read or written.
    AuditError
        A line was not signed with this key; or ``out`` holds a checkpoint that the log has lost.
    InputError
        ``out`` is one of the log's own files, names no file, or is a file of something else.
    """
    _require_other_file(path, out)
    own = read_checkpoints(checkpoints_path(path), key)
    if own.forged or not own.checkpoints:
        fault = f"line {own.forged[0]} is not signed with this key" if own.forged else "there is no signed checkpoint"
        raise AuditError(f"the checkpoints of {path}: {fault}; run maskwright audit verify, and keep older copies")
    if out.exists() and out.stat().st_size:
        _require_nothing_lost(read_checkpoints(out, key), own, out)
    return _write_lines((checkpoint.to_line(key) for checkpoint in own.checkpoints), out)


def _require_nothing_lost(copy: CheckpointLines, own: CheckpointLines, out: Path) -> None:
    if copy.forged or not copy.checkpoints:
        raise InputError(
            f"--out: expected a new file or checkpoints signed with this key, got {out}: take another name"
        )
    still = {(checkpoint.rows, checkpoint.head) for checkpoint in own.checkpoints}
    lost = [checkpoint.rows for checkpoint in copy.checkpoints if (checkpoint.rows, checkpoint.head) not in still]
    if lost:
        words = f"{out} holds a checkpoint of {max(lost)} rows that the log does not know any more"
        raise AuditError(f"{words}: keep it, and run maskwright audit verify --checkpoints with it")


def _write_lines(lines: Iterator[str], out: Path) -> int:
    count = 0
    try:
        with atomic_file(out) as unfinished, synced_file(unfinished) as file:
            for line in lines:
                file.write(f"{line}\n".encode("ascii"))
                count += 1
        sync_folder(out.parent)
    except OSError as error:
        raise FileFormatError(f"cannot write {out}: {error.strerror}; take another file") from error
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
