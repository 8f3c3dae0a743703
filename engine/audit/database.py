"""The SQLite file of the log: one table whose rows are only ever added, guarded by triggers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from maskwright.engine.audit.row import COLUMNS, Row
from maskwright.errors import AuditError, FileFormatError

_TABLE = """CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT,
    region TEXT,
    outcome TEXT NOT NULL,
    request_id TEXT,
    details TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT"""
_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
# The third one refuses INSERT OR REPLACE, which removes a row without asking the trigger for DELETE.
_TRIGGERS = {
    "no_update": f"CREATE TRIGGER no_update BEFORE UPDATE ON events {_REFUSE}",
    "no_delete": f"CREATE TRIGGER no_delete BEFORE DELETE ON events {_REFUSE}",
    "only_next": (
        "CREATE TRIGGER only_next BEFORE INSERT ON events "
        f"WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM events) {_REFUSE}"
    ),
}
_SCHEMA = {"events": _TABLE, **_TRIGGERS}
_SELECT = f"SELECT {', '.join(COLUMNS)}, hash FROM events WHERE number >= ? ORDER BY number"
_INSERT = f"INSERT INTO events ({', '.join(COLUMNS)}, hash) VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"
_SMALLEST = -(2**63)
# SQLite's module fails on its own message when that quotes a damaged statement whose bytes are no text.
UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
_CANNOT_OPEN = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def open_for_writing(path: Path, *, new: bool) -> sqlite3.Connection:
    """Open the database in WAL mode and with ``synchronous=FULL``; when it may be ``new``, make it (mode 0600).

    FULL flushes each commit to the disk. With NORMAL a power cut could take the newest rows from the WAL, after a
    checkpoint of them had been signed and flushed: the log would then look cut though nobody touched it.

    The connection may be used from any thread, by one at a time.
    """
    try:
        if new and not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = _connect(path, "mode=rw")
    except (OSError, sqlite3.Error) as error:
        raise AuditError(f"cannot open the audit log {path}: {error}; take another folder") from error
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise AuditError(f"the audit log {path}: expected a disk that takes WAL, got {mode}: use a local disk")
        connection.execute("PRAGMA synchronous = FULL")
        if new and not _schema(connection):
            connection.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.values():
                connection.execute(statement)
            connection.execute("COMMIT")
    except UNREADABLE as error:
        connection.close()
        raise AuditError(f"cannot write the audit log {path}: {error}; verify it, or take another folder") from error
    except AuditError:
        connection.close()
        raise
    return connection


@contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database as it is at this moment; it may be written to meanwhile.

    The file is opened by SQLite alone: closing it by other means would end the locks of a log that this process
    has open for writing.

    Raises
    ------
    FileFormatError
        It is missing, cannot be opened, or is not an SQLite file.
    """
    if not path.is_file():
        raise FileFormatError(f"there is no audit log {path}: name its database")
    with closing(_connect_to_read(path)) as connection:
        # Bytes that are no text must not stop the reading: such a row does not fit its hash.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("BEGIN")
        yield connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
    try:
        connection = _connect(path, "mode=ro")
        code = _probe(connection)
        if code in _CANNOT_OPEN and not _has_wal(path):
            # A medium that cannot be written to: WAL needs to be told that nobody else writes there either.
            connection.close()
            connection = _connect(path, "mode=ro&immutable=1")
            code = _probe(connection)
    except sqlite3.Error as error:
        raise FileFormatError(f"cannot read the audit log {path}: {error}; name a copy that can be read") from error
    if code in _CANNOT_OPEN:
        connection.close()
        raise FileFormatError(f"cannot read the audit log {path} with its WAL here: copy both to another folder")
    if code == sqlite3.SQLITE_NOTADB:
        connection.close()
        raise FileFormatError(f"{path}: expected an SQLite database, got something else: name an audit log")
    return connection  # it may be damaged: reading on says where


def _connect(path: Path, options: str) -> sqlite3.Connection:
    address = f"{path.resolve().as_uri()}?{options}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)


def _probe(connection: sqlite3.Connection) -> int:
    """Read a little; return SQLite's code of the error, 0 for none."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        return error.sqlite_errorcode & 0xFF  # the kind, without its details
    except UnicodeDecodeError:
        return sqlite3.SQLITE_CORRUPT
    return 0


def _has_wal(path: Path) -> bool:
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def has_events(connection: sqlite3.Connection) -> bool:
    """Whether there is a table of events, however it was made."""
    return "events" in _schema(connection)


def table_is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the events are in the very table that this module makes: a view could show anything."""
    return _schema(connection).get("events") == _TABLE


def schema_is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the table, the triggers that guard it, and nothing else are there."""
    return _schema(connection) == _SCHEMA


def read_rows(connection: sqlite3.Connection, start: int = _SMALLEST) -> Iterator[Row]:
    """Yield the rows from the number ``start`` on, by number; by default all, also with numbers no log gives."""
    for *values, stored_hash in connection.execute(_SELECT, (start,)):
        yield Row(tuple(values), stored_hash)


def add_row(connection: sqlite3.Connection, row: Row, previous: tuple[int, object]) -> bool:
    """Add a row in one transaction after the row of the number and hash ``previous``, (0, ...) for none.

    Return False, and add nothing, where that is not the last row of the log.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        last = connection.execute("SELECT number, hash FROM events ORDER BY number DESC LIMIT 1").fetchone()
        follows = previous[0] == 0 if last is None else tuple(last) == previous
        if follows:
            connection.execute(_INSERT, (*row.values, row.hash))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return follows


def _schema(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the statements that made the tables and triggers of the database, without those of SQLite itself."""
    made = connection.execute("SELECT name, sql FROM sqlite_schema")
    return {name: sql for name, sql in made if not str(name).startswith("sqlite_")}
