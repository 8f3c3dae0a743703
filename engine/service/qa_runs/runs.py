"""The runs of a server: started, queued, watched, and found again by a server that comes back."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from maskwright.engine.service.datastore import Datastore
from maskwright.engine.service.datastore.durable import make_folder, sync_folder, written_in_one_line
from maskwright.engine.service.qa_runs.asked import Asked
from maskwright.engine.service.qa_runs.manifest import find_pairs, write_manifest
from maskwright.engine.service.qa_runs.record import Record
from maskwright.kernels.errors import CapacityError, FileFormatError, NotFoundError

WAITING = 8
"""How many runs may wait."""
ENDED = "the server ended before the run did: start it again"

_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_Job = tuple[str, Path, Asked]


class QaRuns:
    """Runs in a folder of the caller's, each in a folder of its own name. One goes on at a time.

    Locks: ``_lock`` guards the queue, the records of what has not ended, and the process; never held during a run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._queue: deque[_Job] = deque()
        self._records: dict[str, Record] = {}
        self._process: subprocess.Popen[str] | None = None
        self._ending = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if self._thread is not None:
            self._thread.join()

    def start(self, store: Datastore, asked: Asked) -> str:
        """Begin a run over what a datastore holds now, or let it wait, and return its id.

        Raises
        ------
        InputError
            An option or a tag is not right, or no image has both labels.
        CapacityError
            Enough runs wait already, or the server is ending.
        """
        asked.check()
        self._require_room()
        pairs = find_pairs(store, asked)
        run = secrets.token_hex(8)
        place = self.folder / run
        record = Record("waiting", 0, len(pairs), 0)
        with written_in_one_line():
            make_folder(place)
        try:
            manifest = write_manifest(place, pairs, asked)
            record.write(place)
            with self._lock:
                self._require_room_held()
                self._records[run] = record
                self._queue.append((run, manifest, asked))
                self._thread = self._thread or self._started()
                self._changed.notify_all()
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            sync_folder(self.folder)
            raise
        return run

    def record(self, run: str) -> Record:
        """Return how far a run is; NotFoundError where there is none of this id."""
        if _ID.fullmatch(run) is not None:
            with self._lock:
                known = self._records.get(run)
            found = known or Record.read(self.folder / run)
            if found is not None:
                # What this server does not know of and has not ended, another one left behind.
                return found if known or found.ended else replace(found, state="failed", detail=ENDED)
        raise NotFoundError("no run has this id: list the runs")

    def all(self) -> dict[str, Record]:
        """Return all runs by id, also those of a server that was here before."""
        try:
            names = sorted(path.name for path in self.folder.iterdir() if _ID.fullmatch(path.name))
        except OSError:  # nobody has started a run yet
            names = []
        found = {}
        for name in names:
            with contextlib.suppress(NotFoundError):  # half-made, or gone since
                found[name] = self.record(name)
        return found

    def output(self, run: str, name: str) -> Path:
        """Return a file that a run left behind; NotFoundError where the run is not done."""
        state = self.record(run).state
        path = self.folder / run / name
        if state != "done" or not path.is_file():
            raise NotFoundError(f"the run is {state}: only a run that is done has this; ask how far it is")
        return path

    def end(self) -> None:
        """Let the run that goes on end, and those that wait fail; returns at once."""
        with self._lock:
            self._ending = True
            if self._process is not None:
                _kill(self._process)
            self._changed.notify_all()

    # --- inside

    def _require_room(self) -> None:
        with self._lock:
            self._require_room_held()

    def _require_room_held(self) -> None:
        if self._ending:
            raise CapacityError("the server is ending; ask again when it is back")
        if len(self._queue) >= WAITING:
            raise CapacityError(f"{WAITING} runs wait already; try again when one of them is done")

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, name="qa-runs", daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._queue and not self._ending:
                    self._changed.wait()
                if not self._queue:
                    return
                job = self._queue.popleft()
            try:
                ended = self._run(job)
            except Exception as error:  # the next run must not wait for ever
                with self._lock:
                    self._process = None  # its life line is cut
                ended = replace(self._records[job[0]], state="failed", detail=f"unexpected {type(error).__name__}")
            self._keep(job[0], ended)

    def _run(self, job: _Job) -> Record:
        run, manifest, asked = job
        command = [sys.executable, "-P", "-m", "maskwright.engine.service.qa_runs.process"]
        arguments = [str(manifest.parent), manifest.name, json.dumps(asdict(asked))]
        with self._lock:
            record = self._records[run]
            if self._ending:
                return replace(record, state="failed", detail=ENDED)
            process = self._process = subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            record = self._records[run] = replace(record, state="running")
        assert process.stdout is not None
        assert process.stdin is not None
        detail = ""
        with process.stdout, process.stdin:
            for line in process.stdout:
                said = json.loads(line)
                detail = said.pop("detail", "")
                record = replace(record, **said)
                with self._lock:
                    self._records[run] = record
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            _kill(process)  # it has ended; workers that it left behind have not
            status = process.wait()
            self._process = None
        if status == 0:
            failed = f"{record.failed} of {record.total} cases failed; the report names them" if record.failed else ""
            return replace(record, state="done", detail=failed)
        lost = f"its process ended with status {status}" if status > 0 else f"its process was killed by {-status}"
        return replace(record, state="failed", detail=ENDED if self._ending else detail or lost)

    def _keep(self, run: str, ended: Record) -> None:
        with self._lock:
            self._records[run] = ended
        try:
            shutil.rmtree(self.folder / run / "parts", ignore_errors=True)
            ended.write(self.folder / run)
        except FileFormatError:
            return  # a full disk: it is known for as long as this server is there
        with self._lock:
            del self._records[run]


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
