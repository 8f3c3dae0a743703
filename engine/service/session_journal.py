"""Sessions on disk as what their clients did, so that they are there again after the server came to a sudden end.

A journal is a file of JSON lines under the hash of its lease's token: who owns it and which image it is about, then the
acts. Images lie beside, once each, under the hash of their bytes. A line is handed to the system before the client is
answered: the death of the process loses nothing; a power cut may lose the last acts, never a label that was saved.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
import time
from pathlib import Path

from maskwright.engine.service.datastore.durable import beside, remove_unfinished
from maskwright.engine.service.protocols.nninteractive_acts import RESET, SET_IMAGE, SET_TARGET, Act


class Journals:
    """The journals of a folder. Those that were not written to for ``idle_s`` seconds are forgotten."""

    def __init__(self, folder: Path, idle_s: float) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_unfinished(folder)
        self._folder, self._idle_s = folder, idle_s
        self._lock = threading.Lock()
        self.forget_old()

    def note(self, token: str, owner: str, act: Act) -> None:
        """Write down an act that was done."""
        path = self._path(token)
        if act.path == SET_IMAGE:
            image = hashlib.sha256(act.packed).hexdigest()
            with self._lock:
                self._write(self._folder / f"{image}.image", act.packed)
                lines = [{"owner": owner, "image": image, "meta": act.text}]
                self._write(path, "".join(json.dumps(line) + "\n" for line in lines).encode())
                self._drop_images()
            return
        if not path.exists():  # nothing is done without an image
            return
        if act.path == RESET:
            self._write(path, b"".join(_left_by_reset(path.read_bytes().splitlines(keepends=True))))
            return
        line = json.dumps({"path": act.path, "text": act.text, "packed": base64.b64encode(act.packed).decode()})
        with path.open("ab") as file:
            file.write(line.encode() + b"\n")

    def acts(self, token: str, owner: str) -> list[Act] | None:
        """Return what was done in a session, None if there is no journal of this token and owner."""
        try:
            head, *lines = self._path(token).read_bytes().splitlines(keepends=True)
            first = json.loads(head)
            if first["owner"] != owner:
                return None
            acts = [Act(SET_IMAGE, first["meta"], (self._folder / f"{first['image']}.image").read_bytes())]
            for line in lines:
                if line.endswith(b"\n"):  # else the process died while it wrote it, and nobody was answered
                    entry = json.loads(line)
                    acts.append(Act(entry["path"], entry["text"], base64.b64decode(entry["packed"])))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return acts

    def forget(self, token: str) -> None:
        """Remove a journal, and its image if no other is about it."""
        with self._lock:
            self._path(token).unlink(missing_ok=True)
            self._drop_images()

    def forget_old(self) -> None:
        """Remove the journals of sessions that have run out."""
        with self._lock:
            for path in self._folder.glob("*.journal"):
                if time.time() - path.stat().st_mtime > self._idle_s:
                    path.unlink(missing_ok=True)
            self._drop_images()

    def _path(self, token: str) -> Path:
        return self._folder / f"{hashlib.sha256(token.encode()).hexdigest()}.journal"

    def _write(self, path: Path, data: bytes) -> None:
        if path.suffix == ".image" and path.exists():
            return
        unfinished = beside(path)
        unfinished.write_bytes(data)
        unfinished.replace(path)

    def _drop_images(self) -> None:
        used = set()
        for path in self._folder.glob("*.journal"):
            with path.open("rb") as file, contextlib.suppress(ValueError, KeyError):
                used.add(json.loads(file.readline())["image"])
        for path in self._folder.glob("*.image"):
            if path.stem not in used:
                path.unlink(missing_ok=True)


def _left_by_reset(lines: list[bytes]) -> list[bytes]:
    """Return the lines that count after a reset: the head, and what the client's buffer is."""
    return lines[:1] + [line for line in lines[1:] if json.loads(line)["path"] == SET_TARGET][-1:]
