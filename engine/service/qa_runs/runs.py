"""The runs of a server: started, queued, watched, and found again by a server that comes back."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
from collections import deque
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from maskwright.engine.service.qa_runs.child import Child
from maskwright.engine.service.qa_runs.manifest import find_pairs, write_manifest
from maskwright.engine.service.qa_runs.record import Record
from maskwright.engine.service.qa_runs.request import Asked
from maskwright.engine.service.qa_runs.stored import (
    half_made,
    is_id,
    kept_ids,
    mark_newest,
    remove_half_made,
    remove_oldest,
    remove_run,
)
from maskwright.engine.service.storage import Datastore
from maskwright.engine.storage import storing, sync_folder
from maskwright.errors import CapacityError, NotFoundError, StorageError

WAITING = 8
"""How many runs may wait."""
ENDED = "the server ended before the run did: start it again"
CANCELLED = "the run was cancelled"
KILLED_S = 10.0
"""How long a killed process may take to go: one that waits for a disk cannot be ended before the disk answers."""

_Job = tuple[str, str, Asked]
"""A run, the name of its manifest, and what was asked."""


class QaRuns:
    """Runs in a folder of the caller's, each in a folder of its own name. One goes on at a time.

    The folder is one server's at a time (the lock of its audit log keeps a second one out): what lies there and is
    not this server's has ended, and what is half-made is removed at the beginning.

    Locks: ``_removing`` before ``_lock``. ``_lock`` guards the queue, the records of what has not ended, and which
    process goes on; it is never held during a run. ``_removing`` is held while runs are cancelled or removed, so that
    no two do this to one run; the thread that runs does not take it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        remove_half_made(self.folder)
        self._removing = threading.Lock()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._queue: deque[_Job] = deque()
        self._records: dict[str, Record] = {}
        self._child: Child | None = None
        self._busy: str | None = None
        self._cancelled: set[str] = set()
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
        self._make_room()
        run = secrets.token_hex(8)
        place = self.folder / run
        record = Record("waiting", 0, len(pairs), 0)
        with half_made(place) as unfinished:
            manifest = write_manifest(unfinished, pairs, asked).name
            record.write(unfinished)
            with self._lock:
                self._require_room_held()
                self._thread = self._thread or self._started()
                with storing():
                    unfinished.rename(place)
                    sync_folder(self.folder)
                self._records[run] = record
                self._queue.append((run, manifest, asked))
                self._changed.notify_all()
        return run

    def record(self, run: str) -> Record:
        """Return how far a run is; NotFoundError where there is none of this id."""
        if is_id(run):
            with self._lock:
                known = self._records.get(run)
            found = known or Record.read(self.folder / run)
            if found is not None:
                # What this server does not know of and has not ended, another one left behind.
                return found if known or found.ended else replace(found, state="failed", detail=ENDED)
        raise NotFoundError("no run has this id: list the runs")

    def all(self) -> dict[str, Record]:
        """Return all runs by id, also those of a server that was here before."""
        found = {}
        for name in kept_ids(self.folder):
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

    def remove(self, run: str) -> Literal["cancelled", "removed"]:
        """Cancel a run that waits or goes on; remove one that has ended, with its report. Return which it was.

        When this returns, a cancelled run's process group has ended, and its record says so, until it is removed too.

        Raises
        ------
        NotFoundError
            There is no run of this id, or not any more.
        CapacityError
            The process was killed but has not gone yet; ask again.
        StorageError
            The data folder cannot be written to; the run is still there.
        """
        with self._removing:
            if not self.record(run).ended and self._cancel(run):
                return "cancelled"
            self._wait_for(run)
            remove_run(self.folder / run)
            with self._lock:
                self._records.pop(run, None)  # one that could not be written down
            return "removed"

    def end(self) -> None:
        """Let the run that goes on end, and those that wait fail; returns at once."""
        with self._lock:
            self._ending = True
            if self._child is not None:
                self._child.kill()
            self._changed.notify_all()

    # --- inside

    def _cancel(self, run: str) -> bool:
        """Cancel a run that has not ended; return False where it ended by itself just before."""
        with self._lock:
            job = next((job for job in self._queue if job[0] == run), None)
            if job is not None:
                self._queue.remove(job)
            elif self._busy != run or self._records[run].ended:
                return False
            self._cancelled.add(run)
            if job is None and self._child is not None:
                self._child.kill()
        if job is not None:
            self._keep(run, self._records[run])
        self._wait_for(run)
        return True

    def _wait_for(self, run: str) -> None:
        with self._lock:
            if not self._changed.wait_for(lambda: self._busy != run, KILLED_S):
                raise CapacityError("the run's process was killed but has not gone yet; ask again")

    def _make_room(self) -> None:
        with self._removing:
            with self._lock:
                going = set(self._records)
            remove_oldest(self.folder, going)

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
                self._busy = job[0]
            try:
                ended = self._run(job)
            except Exception as error:  # the next run must not wait for ever
                ended = replace(self._records[job[0]], state="failed", detail=f"unexpected {type(error).__name__}")
            self._keep(job[0], ended)
            with self._lock:
                self._busy = None
                self._changed.notify_all()

    def _run(self, job: _Job) -> Record:
        run, manifest, asked = job
        with self._lock:
            record = self._records[run]
            if self._ending or run in self._cancelled:
                return replace(record, state="failed", detail=ENDED)
            child = self._child = Child(self.folder / run, manifest, asked)
            record = self._records[run] = replace(record, state="running")
        detail = ""
        try:
            with child:
                for said in child.said():
                    detail = said.pop("detail", "")
                    record = replace(record, **said)
                    with self._lock:
                        self._records[run] = record
                status = child.end()
        finally:
            with self._lock:
                self._child = None
        if status == 0:
            failed = f"{record.failed} of {record.total} cases failed; the report names them" if record.failed else ""
            return replace(record, state="done", detail=failed)
        lost = f"its process ended with status {status}" if status > 0 else f"its process was killed by {-status}"
        return replace(record, state="failed", detail=ENDED if self._ending else detail or lost)

    def _keep(self, run: str, ended: Record) -> None:
        with self._lock:
            if run in self._cancelled:
                self._cancelled.remove(run)
                ended = replace(ended, state="cancelled", detail=CANCELLED)
            self._records[run] = ended
        shutil.rmtree(self.folder / run / "parts", ignore_errors=True)
        try:
            ended.write(self.folder / run)
        except StorageError:
            return  # a full disk: it is known for as long as this server is there
        mark_newest(self.folder / run)
        with self._lock:
            del self._records[run]
