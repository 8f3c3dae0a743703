"""Sessions on disk as their event logs, so that they are there again after the server came to a sudden end.

A journal is a session log (see ``interactive.sessions.log``) under the hash of its session's token; its header names
the owner and identifies the image. An image that its client sent lies beside, once, under its hash. A line is handed to
the system before the client is answered: the death of the process loses nothing; a power cut may lose the last events,
never a label that was saved.

A journal that this version cannot read is kept, whatever its age, until somebody removes it by hand.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from maskwright.engine.service.http.request_log import LOG
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.engine.storage import atomic_file, remove_unfinished, storing
from maskwright.errors import InputError, LimitError
from maskwright.interactive.sessions.events import Event
from maskwright.interactive.sessions.log import Header, SessionLog, header_to_line, read_log, to_line, write_log
from maskwright.interactive.sessions.migrations import VERSION

S = TypeVar("S", bound=ServiceSession)

MOST_BYTES = 64 << 20
"""Of a journal: some ten thousands of events; to replay more would hold up other sessions for long."""
OWNER, UPLOAD = "owner", "upload"
"""Attributes of the header: the name of a token, and the hash of an image that lies beside the journal."""


class SessionJournals:
    """The journals of a folder. Those of sessions in which nothing was done for ``idle_s`` seconds are removed."""

    def __init__(self, folder: Path, idle_s: float) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_unfinished(folder)
        self._folder, self._idle_s = folder, idle_s
        self._lock = threading.Lock()
        self._live: set[Path] = set()
        self._unreadable: set[Path] = set()
        self.remove_expired()

    def begin(self, token: str, owner: str, header: Header, events: Sequence[Event], upload: bytes = b"") -> None:
        """Write the journal of a session on an image, in place of an earlier one.

        Raises
        ------
        StorageError
            It cannot be written: the disk is full or read-only. The session has no journal then.
        """
        path, attributes = self._path(token), {**header.attributes, OWNER: owner}
        lines = [header_to_line(replace(header, attributes=attributes)), *map(to_line, events)]
        try:
            with storing(), self._lock:
                if upload:
                    _write(self._upload_path(header), upload)
                _write(path, "".join(f"{line}\n" for line in lines).encode())
                self._live.add(path)
                self._remove_expired()
        except Exception:
            self._unlink(path)
            raise

    def append(self, token: str, events: Sequence[Event]) -> None:
        """Append events to the journal of a session, if it has one, and note that it is in use.

        Where that fails, or the journal grows too long, the session has no journal any more: half a log is none. The
        events happened all the same, so the client is not told that they failed; the server's log says so.
        """
        path, data = self._path(token), "".join(f"{to_line(event)}\n" for event in events).encode()
        try:
            with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:  # r+: an append would make it again
                if data and file.seek(0, os.SEEK_END) + len(data) > MOST_BYTES:
                    raise LimitError(f"a session's journal holds at most {MOST_BYTES} bytes")
                file.write(data)
                os.utime(path)
                with self._lock:
                    self._live.add(path)
        except Exception as error:
            self._unlink(path)
            LOG.error("a session has no journal any more", exc_info=error)

    def read(self, token: str, owner: str) -> tuple[SessionLog, bytes] | None:
        """Return the log of a session and its image as it was sent; None if there is none of this token and owner.

        A line over which the process died is cut off: its client was not answered, and the next one begins a line.

        Raises
        ------
        InputError
            The journal is damaged, or of a later version of the log. It is kept.
        StorageError
            The journal is of an earlier version, and cannot be written in the present one. It is kept.
        """
        path = self._path(token)
        try:
            if self._is_old(path):
                return None
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        whole = _whole_lines(data)
        log = _log_of(whole)
        if log.header.attributes.get(OWNER) != owner:
            return None
        if json.loads(whole.partition(b"\n")[0])["version"] != VERSION:  # later lines are of the present version
            with storing():
                _write(path, write_log(log).encode())
        elif len(whole) < len(data):
            os.truncate(path, len(whole))
        os.utime(path)  # it stays as long as its client comes back
        if UPLOAD not in log.header.attributes:
            return log, b""
        try:
            return log, self._upload_path(log.header).read_bytes()
        except OSError:
            raise InputError("the image of the journal is gone") from None

    def forget(self, token: str, owner: str | None = None) -> None:
        """Remove the journal of a session that has ended, with ``owner`` only if it is theirs, and its upload.

        One that this version cannot read stays. Where the folder cannot be written to, the journal stays until it
        has run out, and the server's log says so.
        """
        path = self._path(token)
        try:
            with self._lock:
                is_theirs = owner is not None and path not in self._unreadable and self._owner_of(path) == owner
                if path in self._live or is_theirs:
                    self._live.discard(path)
                    path.unlink(missing_ok=True)
                    self._remove_uploads()
        except OSError as error:
            LOG.error("the journal of an ended session stays", exc_info=error)

    def note_unreadable(self, token: str) -> None:
        """Say in the server's log, once, that the journal of a session cannot be read and is kept."""
        self._note_unreadable(self._path(token))

    def remove_expired(self) -> None:
        """Remove the journals of earlier servers' sessions that have run out; those of this one's end with them."""
        with self._lock:
            self._remove_expired()

    # --- inside

    def _path(self, token: str) -> Path:
        return self._folder / f"{hashlib.sha256(token.encode()).hexdigest()}.journal"

    def _upload_path(self, header: Header) -> Path:
        return self._folder / f"{Path(header.attributes[UPLOAD]).name}.image"

    def _is_old(self, path: Path) -> bool:
        return time.time() - path.stat().st_mtime > self._idle_s

    def _owner_of(self, path: Path) -> str | None:
        """Return the owner of a journal, None if it is not there or cannot be read."""
        try:
            return _log_of(_whole_lines(path.read_bytes())).header.attributes.get(OWNER, "")
        except FileNotFoundError:
            return None
        except InputError:
            self._note_unreadable(path)
            return None

    def _note_unreadable(self, path: Path) -> None:
        if path not in self._unreadable:
            self._unreadable.add(path)
            fields = {"journal": path.name}
            LOG.error("a session journal cannot be read by this version; it is kept", extra={"fields": fields})

    def _unlink(self, path: Path) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._live.discard(path)
            path.unlink(missing_ok=True)

    def _remove_expired(self) -> None:
        for path in set(self._folder.glob("*.journal")) - self._live - self._unreadable:
            with contextlib.suppress(FileNotFoundError):  # another server of this folder was quicker
                if self._is_old(path) and self._owner_of(path) is not None:
                    path.unlink()
        self._remove_uploads()

    def _remove_uploads(self) -> None:
        """Remove the uploads that no journal names, if the header of every journal can be read."""
        heads = [_attributes(path) for path in self._folder.glob("*.journal")]
        if None in heads:
            return
        names = {head[UPLOAD] for head in heads if head is not None and UPLOAD in head}
        for path in self._folder.glob("*.image"):
            if path.stem not in names:
                path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    if path.suffix == ".image" and path.exists():
        return
    with atomic_file(path) as unfinished:
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(data)


def _whole_lines(data: bytes) -> bytes:
    return data[: data.rfind(b"\n") + 1]


def _log_of(data: bytes) -> SessionLog:
    try:
        return read_log(data.decode())
    except UnicodeDecodeError:
        raise InputError("the journal is no text; it is damaged") from None


def _attributes(path: Path) -> dict[str, Any] | None:
    """Return the attributes in the header of a journal of any version, None if there are none."""
    try:
        with path.open("rb") as file:
            attributes = json.loads(file.readline())["attributes"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return attributes if isinstance(attributes, dict) else None


@dataclass(frozen=True, eq=False)
class Recovery(Generic[S]):
    """The journals of a protocol's sessions, and the way back from a log, and the image as it was sent, to a session.

    ``restore`` raises a GoneError where the image is gone, an InputError where the log does not fit this version.
    """

    journals: SessionJournals
    restore: Callable[[SessionLog, bytes], S]
