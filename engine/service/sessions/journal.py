"""Sessions on disk as what their clients did, so that they are there again after the server came to a sudden end.

A journal is a file of JSON lines under the hash of its session's token: who owns it and the act it begins with, then
the other acts. The bytes that a first act brings, an image, lie beside, once each, under their hash. A line is handed
to the system before the client is answered: the death of the process loses nothing; a power cut may lose the last
acts, never a label that was saved.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.engine.service.http.request_log import LOG
from maskwright.engine.service.sessions.event import SessionEvent
from maskwright.engine.storage import remove_unfinished, storing, unfinished_path
from maskwright.errors import LimitError

MOST_BYTES = 64 << 20
"""Of a journal: some ten thousands of acts; to do more of them again would hold up other sessions for long."""


@dataclass(frozen=True)
class JournalPolicy:
    """How sessions of a kind go: which act they begin with, and which takes all back but the newest ``outlives``."""

    first: str
    reset: str | None = None
    outlives: str | None = None


class SessionJournals:
    """The journals of a folder. Those of sessions in which nothing was done for ``idle_s`` seconds are forgotten."""

    def __init__(self, folder: Path, idle_s: float, course: JournalPolicy) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_unfinished(folder)
        self._folder, self._idle_s, self._course = folder, idle_s, course
        self._lock = threading.Lock()
        self._live: set[Path] = set()
        self.forget_old()

    def note(self, token: str, owner: str, act: SessionEvent) -> None:
        """Write down an act that was done; of a session without its first act nothing is.

        Where that fails, or the journal grows too long, the session is not written down any more, since half a story
        is none. A later act was done all the same, so its client is not told that it failed; the log says so.

        Raises
        ------
        StorageError
            The first act cannot be written down: the disk is full or read-only.
        """
        path = self._path(token)
        try:
            with storing():
                self._note(path, owner, act)
        except Exception as error:
            with self._lock, contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            if act.path == self._course.first:
                raise
            LOG.error("a session cannot be written down any more", exc_info=error)

    def touch(self, token: str) -> None:
        """Note that a session is in use, though nothing was done that has to be done again."""
        path = self._path(token)
        with contextlib.suppress(OSError):
            os.utime(path)
            self._is_live(path)

    def acts(self, token: str, owner: str) -> list[SessionEvent] | None:
        """Return what was done in a session, None if there is no journal of this token and owner.

        A line that the process died over is cut off: nobody was answered, and the next one begins a line.
        """
        path = self._path(token)
        try:
            if self._is_old(path):
                return None
            head, *lines = path.read_bytes().splitlines(keepends=True)
            first = json.loads(head)
            if first["owner"] != owner or not head.endswith(b"\n"):
                return None
            packed = (self._folder / f"{first['image']}.image").read_bytes() if first["image"] else b""
            acts = [SessionEvent(self._course.first, first["meta"], packed)]
            if lines and not lines[-1].endswith(b"\n"):
                os.truncate(path, path.stat().st_size - len(lines.pop()))
            for line in lines:
                entry = json.loads(line)
                acts.append(SessionEvent(entry["path"], entry["text"], base64.b64decode(entry["packed"])))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # it stays while it is asked for; what comes of it is live when something is done in it
        return acts

    def forget(self, token: str, owner: str | None = None) -> None:
        """Remove a journal, with ``owner`` only if it is theirs, and its image if no other is about it.

        Where the folder cannot be written to, the log says so and the journal stays until it has run out.
        """
        path = self._path(token)
        try:
            with self._lock:
                if owner is None or self._head(path).get("owner") == owner:
                    self._live.discard(path)
                    path.unlink(missing_ok=True)
                    self._drop_images()
        except OSError as error:
            LOG.error("a session that has ended stays written down", exc_info=error)

    def forget_old(self) -> None:
        """Remove the journals of earlier servers' sessions that have run out; those of this one's end with them."""
        with self._lock:
            self._forget_old()

    # --- inside

    def _note(self, path: Path, owner: str, act: SessionEvent) -> None:
        if act.path == self._course.first:
            image = hashlib.sha256(act.packed).hexdigest() if act.packed else ""
            with self._lock:
                if image:
                    self._write(self._folder / f"{image}.image", act.packed)
                self._write(path, _line({"owner": owner, "image": image, "meta": act.text}))
                self._live.add(path)
                self._forget_old()
            return
        with contextlib.suppress(FileNotFoundError):  # nothing was begun, or it has ended meanwhile
            self._is_live(path)
            if act.path == self._course.reset:
                self._write(path, b"".join(self._left_by_reset(path.read_bytes().splitlines(keepends=True))))
                return
            line = _line({"path": act.path, "text": act.text, "packed": base64.b64encode(act.packed).decode()})
            with path.open("r+b") as file:  # r+: an append would make the file again
                if file.seek(0, os.SEEK_END) + len(line) > MOST_BYTES:
                    raise LimitError(f"a session's journal holds at most {MOST_BYTES} bytes")
                file.write(line)

    def _is_live(self, path: Path) -> None:
        """Note that a journal is that of a session of this server, unless that has ended meanwhile."""
        with self._lock:
            if path.exists():
                self._live.add(path)

    def _forget_old(self) -> None:
        for path in set(self._folder.glob("*.journal")) - self._live:
            with contextlib.suppress(FileNotFoundError):  # another server of this folder was quicker
                if self._is_old(path):
                    path.unlink()
        self._drop_images()

    def _path(self, token: str) -> Path:
        return self._folder / f"{hashlib.sha256(token.encode()).hexdigest()}.journal"

    def _is_old(self, path: Path) -> bool:
        return time.time() - path.stat().st_mtime > self._idle_s

    def _write(self, path: Path, data: bytes) -> None:
        if path.suffix == ".image" and path.exists():
            return
        unfinished = unfinished_path(path)
        unfinished.write_bytes(data)
        unfinished.replace(path)

    def _head(self, path: Path) -> dict[str, Any]:
        """Return the first line of a journal, nothing where it is none."""
        try:
            with path.open("rb") as file:
                found = json.loads(file.readline())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _drop_images(self) -> None:
        used = {self._head(path).get("image") for path in self._folder.glob("*.journal")}
        for path in self._folder.glob("*.image"):
            if path.stem not in used:
                path.unlink(missing_ok=True)

    def _left_by_reset(self, lines: list[bytes]) -> list[bytes]:
        """Return the lines that count after a reset: the head, and the newest act that outlives it."""
        return lines[:1] + [line for line in lines[1:] if json.loads(line)["path"] == self._course.outlives][-1:]


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry).encode() + b"\n"
