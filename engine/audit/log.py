"""The log, open for writing.

One lock serialises the writers of a process; the file lock of the checkpoint file keeps other processes out.
Nothing but SQLite may open the database's files in a process that writes it: closing them would end SQLite's locks.
"""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from maskwright.engine.audit.chain import walk
from maskwright.engine.audit.checkpoints import Checkpoint, CheckpointFile, checkpoints_path
from maskwright.engine.audit.database import (
    UNREADABLE,
    add_row,
    open_for_writing,
    read_rows,
    schema_is_ours,
)
from maskwright.engine.audit.event import Event
from maskwright.engine.audit.key import AuditKey, key_path_of, read_key, read_or_create_key
from maskwright.engine.audit.row import COLUMNS, GENESIS, Row, canonical, chain_hash
from maskwright.engine.storage import identity_of
from maskwright.errors import AuditError, InputError


class AuditLog:
    """An append-only log of events. Safe to use from several threads; one process at a time may hold it.

    Parameters
    ----------
    path : Path
        The database; made when it is missing. Its folder must be there.
    key_path : Path, optional
        The key file; made on first use. Default: see ``key_path_of``. A later opening needs it.
    checkpoint_every : int
        A signed checkpoint is written after so many events, and on ``close``. Rows after the last checkpoint are
        held by the chain alone: those, and only those, could be rebuilt with write access to the database.

    Raises
    ------
    AuditError
        Another process writes the log, or its newest part was tampered with: nothing is then added to it.
    FileFormatError, InputError
        The key is missing for a log that has rows, or others may read it.
    """

    def __init__(self, path: Path, *, key_path: Path | None = None, checkpoint_every: int = 100) -> None:
        if checkpoint_every < 1:
            raise InputError(f"checkpoint_every: expected 1 or more, got {checkpoint_every}")
        self._path = path
        self._every = checkpoint_every
        self._lock = threading.Lock()
        self._checkpoints = CheckpointFile(checkpoints_path(path))
        try:
            self._key = self._begin(key_path or key_path_of(path))
            self._signed = self._last_checkpoint()
            self._connection: sqlite3.Connection | None = open_for_writing(path, new=not self._signed.rows)
        except BaseException:
            self._checkpoints.close()
            raise
        try:
            self._identity = identity_of(path)
            self._rows, self._head = self._check_newest(self._connection)
            self._is_flushed = False  # rows that a killed process left may be with the system alone
            if self._rows > self._signed.rows:
                self._sign()  # the rows of a process that was killed before it signed
        except BaseException:
            self._connection.close()
            self._checkpoints.close()
            raise

    @property
    def rows(self) -> int:
        """How many events the log holds."""
        return self._rows

    def append(self, event: Event, *, flush: bool = True) -> int:
        """Write an event down; return its number.

        Parameters
        ----------
        event : Event
            An act, or its outcome.
        flush : bool
            Wait until it is on the disk. Else it is with the system: the death of this process does not lose it, a
            power cut may, unless a later event was flushed. For acts that a power cut would undo as well.

        Raises
        ------
        AuditError
            It could not be written, or the log was altered from outside: the act must not go on. When
            only the checkpoint after it could not be written, the event itself is in the log.
        """
        with self._lock:
            connection = self._open_connection()
            row = self._row(event)
            if identity_of(self._path) != self._identity:
                # SQLite would go on in the old file, which no name leads to any more: its rows would be lost.
                raise self._broken("another file was put in its place while it was open")
            try:
                connection.execute(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
                if not add_row(connection, row, (self._rows, self._head)):
                    raise self._broken("it was altered while it was open")
            except sqlite3.Error as error:
                raise AuditError(f"cannot write the audit log {self._path}: {error}; the event is refused") from error
            self._rows, self._head, self._is_flushed = self._rows + 1, str(row.hash), flush
            if flush and self._rows - self._signed.rows >= self._every:
                self._sign()
            return self._rows

    def checkpoint(self) -> Checkpoint:
        """Sign the newest row now, unless it is signed already; return the newest checkpoint."""
        with self._lock:
            self._open_connection()
            if self._rows > self._signed.rows:
                self._sign()
            return self._signed

    def close(self) -> None:
        """Sign what is not signed yet, and let go of the files. Closing twice does nothing."""
        with self._lock:
            connection = self._connection
            if connection is None:
                return
            try:
                if self._rows > self._signed.rows:
                    self._sign()
            finally:
                self._connection = None
                connection.close()
                self._checkpoints.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, key_path: Path) -> AuditKey:
        """Return the key. For a new log the first checkpoint, of no rows, is written before the database is made."""
        if self._checkpoints.size or (self._path.exists() and self._path.stat().st_size):
            return read_key(key_path)
        key = read_or_create_key(key_path)
        self._checkpoints.append(Checkpoint(0, GENESIS, _now()), key)
        return key

    def _last_checkpoint(self) -> Checkpoint:
        lines = self._checkpoints.load(self._key)
        if lines.forged:
            raise self._broken(f"line {lines.forged[0]} of its checkpoints is not signed with this key")
        if not lines.checkpoints:
            raise self._broken("it has no signed checkpoint")
        return max(lines.checkpoints, key=lambda checkpoint: checkpoint.rows)

    def _check_newest(self, connection: sqlite3.Connection) -> tuple[int, str]:
        """Check the last signed row and those after it; return number and hash of the last. ``verify`` checks all."""
        signed = self._signed
        rows, head = signed.rows, signed.head
        try:
            if not schema_is_ours(connection):
                raise self._broken("its table or the triggers that guard it were altered")
            if signed.rows:
                stored = next(read_rows(connection, signed.rows), None)
                if stored is None:
                    raise self._broken(f"a checkpoint knows {signed.rows} rows, and the last of them are gone")
                if (stored.number, stored.hash) != (signed.rows, signed.head):
                    raise self._broken(f"row {signed.rows} is not the one that was signed")
            for link in walk(read_rows(connection, signed.rows + 1), rows, head):
                if link.finding is not None:
                    raise self._broken(link.finding.message)
                rows, head = link.row.number, str(link.row.hash)
        except UNREADABLE as error:
            raise self._broken(f"the database is damaged ({error})") from error
        return rows, head

    def _row(self, event: Event) -> Row:
        fields: dict[str, object] = {
            "number": self._rows + 1,
            "time": _now(),
            "actor": event.actor,
            "role": event.role,
            "action": event.action,
            "subject": None if event.subject is None else self._key.subject(event.subject),
            "region": event.region,
            "outcome": event.outcome,
            "request_id": event.request_id,
            "details": dict(event.details),
        }
        head = chain_hash(self._head, fields)
        return Row(tuple((fields | {"details": canonical(fields["details"])})[name] for name in COLUMNS), head)

    def _sign(self) -> None:
        """Sign the newest row, unless it may not be on the disk yet: a power cut would make the log look cut."""
        if not self._is_flushed:
            copying = self._open_connection().execute("PRAGMA wal_checkpoint(PASSIVE)")
            _, written, copied = copying.fetchone()  # all is copied, and flushed before, where no reader holds it back
            self._is_flushed = written == copied
            if not self._is_flushed:
                return
        checkpoint = Checkpoint(self._rows, self._head, _now())
        self._checkpoints.append(checkpoint, self._key)
        self._signed = checkpoint

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise AuditError(f"the audit log {self._path} is closed: open it again")
        return self._connection

    def _broken(self, why: str) -> AuditError:
        return AuditError(
            f"the audit log {self._path}: {why}; run maskwright audit verify, keep its files, and take another log"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
