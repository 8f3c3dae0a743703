"""JobQueue: the runs of a server, also those that an earlier server left."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from maskwright.engine.jobs.job import Job
from maskwright.engine.jobs.queue import run_folders
from maskwright.engine.jobs.queue.child import Child
from maskwright.engine.jobs.record import PARTS_FOLDER, RunRecord
from maskwright.errors import CapacityError, NotFoundError, StorageError

MOST_WAITING = 8
ENDED = "the server ended before the run did: start it again"
CANCELLED = "the run was cancelled"
KILL_TIMEOUT_S = 10.0
"""How long a killed process may take to end: one that waits for a disk ends when the disk answers."""


@dataclass(eq=False)
class _Run:
    """A run that has not ended."""

    name: str
    job: Job[Any, Any]
    record: RunRecord
    cancelled: bool = False


class JobQueue:
    """Runs jobs one at a time, each in a process and a folder of its own.

    The process runs in the folder of the run: relative paths in a job start there, and outputs go there.

    Parameters
    ----------
    folder : Path
        The folder of all runs. It belongs to one server at a time: a run in it that this server did not start has
        ended, and incomplete folders are removed at the start.

    Notes
    -----
    Locks: ``_removing`` before ``_lock``. ``_lock`` guards the fields below it and the making of a folder; it is never
    held during a run. ``_removing`` is held while runs are cancelled or removed, so that no two threads do this to
    one run; the thread that runs jobs does not take it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        run_folders.remove_incomplete(self.folder)
        self._removing = threading.Lock()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._runs: dict[str, _Run] = {}
        self._waiting: deque[_Run] = deque()
        self._current: _Run | None = None
        self._child: Child | None = None
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

    def start(self, job: Job[Any, Any]) -> str:
        """Run a job, or let it wait, and return the name of the run.

        Raises
        ------
        CapacityError
            ``MOST_WAITING`` runs wait already, or the server is ending.
        StorageError
            The data folder cannot be written to.
        """
        self._remove_oldest()
        run = _Run(secrets.token_hex(8), job, RunRecord("waiting", total=len(job.cases())))
        with self._lock:
            if self._ending:
                raise CapacityError("the server is ending; ask again when it is back")
            if len(self._waiting) >= MOST_WAITING:
                raise CapacityError(f"{MOST_WAITING} runs wait already; try again when one of them is done")
            run_folders.make_run_folder(self.folder / run.name, run.record)
            self._runs[run.name] = run
            self._waiting.append(run)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return run.name

    def record(self, name: str) -> RunRecord:
        """Return how far a run is; NotFoundError where there is none of this name."""
        if run_folders.is_run_name(name):
            with self._lock:
                run = self._runs.get(name)
            if run is not None:
                return run.record
            record = RunRecord.read(self.folder / name)
            if record is not None:
                return record if record.ended else replace(record, state="failed", detail=ENDED)
        raise NotFoundError("no run has this id: list the runs")

    def all(self) -> dict[str, RunRecord]:
        """Return the records of all runs by name, also of those that an earlier server started."""
        records = {}
        for name in run_folders.run_names(self.folder):
            with contextlib.suppress(NotFoundError):  # removed since, or damaged
                records[name] = self.record(name)
        return records

    def output(self, name: str, file: str) -> Path:
        """Return an output file of a run; NotFoundError where the run is not done."""
        state = self.record(name).state
        path = self.folder / name / file
        if state != "done" or not path.is_file():
            raise NotFoundError(f"the run is {state}: only a run that is done has this; ask how far it is")
        return path

    def remove(self, name: str) -> Literal["cancelled", "removed"]:
        """Cancel a run that has not ended, or remove one that has, with its outputs. Return which it was.

        Afterwards the process group of a cancelled run has ended, and its record says so until it is removed too.

        Raises
        ------
        NotFoundError
            There is no run of this name, or not any more.
        CapacityError
            The process was killed and has not ended yet; ask again.
        StorageError
            The data folder cannot be written to; the run is still there.
        """
        with self._removing:
            if not self.record(name).ended and self._cancel(name):
                return "cancelled"
            self._wait_for(name)
            run_folders.remove_run_folder(self.folder / name)
            with self._lock:
                self._runs.pop(name, None)  # its record could not be written
            return "removed"

    def end(self) -> None:
        """Kill the current run and let the waiting ones fail; return at once."""
        with self._lock:
            self._ending = True
            if self._child is not None:
                self._child.kill()
            self._changed.notify_all()

    def _cancel(self, name: str) -> bool:
        """Cancel a run that has not ended; return False where it ended by itself just before."""
        with self._lock:
            run = self._runs.get(name)
            if run is None or run.record.ended:
                return False
            run.cancelled = True
            was_waiting = run in self._waiting
            if was_waiting:
                self._waiting.remove(run)
            elif self._child is not None:
                self._child.kill()
        if was_waiting:
            self._conclude(run, run.record)
        self._wait_for(name)
        return True

    def _wait_for(self, name: str) -> None:
        def is_over() -> bool:
            return self._current is None or self._current.name != name

        with self._lock:
            if not self._changed.wait_for(is_over, KILL_TIMEOUT_S):
                raise CapacityError("the run's process was killed but has not gone yet; ask again")

    def _remove_oldest(self) -> None:
        with self._removing:
            with self._lock:
                unfinished = set(self._runs)
            run_folders.remove_oldest(self.folder, unfinished)

    def _work(self) -> None:
        while (run := self._next()) is not None:
            try:
                ended = self._run(run)
            except Exception as error:  # the next run must not wait for ever
                ended = replace(run.record, state="failed", detail=f"unexpected {type(error).__name__}")
            self._conclude(run, ended)
            with self._lock:
                self._current = None
                self._changed.notify_all()

    def _next(self) -> _Run | None:
        """Wait for a run and make it the current one; return None when the server ends and none is left."""
        with self._lock:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            self._current = self._waiting.popleft() if self._waiting else None
            return self._current

    def _run(self, run: _Run) -> RunRecord:
        """Run a job in a child process and return its final record."""
        with self._lock:
            if self._ending or run.cancelled:
                return replace(run.record, state="failed", detail=ENDED)
            child = self._child = Child(run.job, self.folder / run.name)
            run.record = replace(run.record, state="running")
        try:
            with child:
                for update in child.updates():
                    with self._lock:
                        run.record = replace(run.record, **update)
                status = child.end()
        finally:
            with self._lock:
                self._child = None
        record = run.record
        if status == 0:
            failed = f"{record.failed} of {record.total} cases failed; the report names them" if record.failed else ""
            return replace(record, state="done", detail=failed)
        reason = f"its process ended with status {status}" if status > 0 else f"its process was killed by {-status}"
        return replace(record, state="failed", detail=ENDED if self._ending else record.detail or reason)

    def _conclude(self, run: _Run, ended: RunRecord) -> None:
        with self._lock:
            if run.cancelled:
                ended = replace(ended, state="cancelled", detail=CANCELLED)
            run.record = ended
        folder = self.folder / run.name
        shutil.rmtree(folder / PARTS_FOLDER, ignore_errors=True)
        try:
            ended.write(folder)
        except StorageError:
            return  # on a full disk this server remembers the run, and the next one tells it as failed
        run_folders.mark_newest(folder)
        with self._lock:
            del self._runs[run.name]
