"""One case of a job, as a worker process runs it. Light to import: a worker starts in a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from maskwright.engine.jobs.job import Job, NamedCase, Row
from maskwright.engine.storage import settings_digest
from maskwright.errors import InputError, reason_of


@dataclass(frozen=True)
class CaseTask:
    """A case to run, and the resume keys under which results of it are stored."""

    case: NamedCase
    stored_keys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CaseOutcome:
    """A case that was run (rows), has a stored result (no rows), or failed (no key).

    Attributes
    ----------
    key : str or None
        The resume key; None for a failed case.
    rows : tuple of mapping
        The rows of the case.
    reason : str
        Why the case failed, in one line.
    """

    key: str | None
    rows: tuple[Row, ...] = ()
    reason: str = ""


def run_case(job: Job[Any, Any], code_version: str, task: CaseTask) -> CaseOutcome:
    """Run a case unless its result is stored; an error becomes the reason of a failed case and is never raised."""
    try:
        key = resume_key(job, code_version, task.case)
        if key in task.stored_keys:
            return CaseOutcome(key)
        rows = tuple(job.run(task.case))
        if not rows:
            raise InputError("expected at least one row of the job's run, got none")
        return CaseOutcome(key, rows)
    except Exception as error:
        return CaseOutcome(None, reason=reason_of(error))


def resume_key(job: Job[Any, Any], code_version: str, case: NamedCase) -> str:
    """Return the digest of everything the rows of a case depend on: the job's key, its kind, and the code."""
    kind = f"{type(job).__module__}.{type(job).__qualname__}"
    return settings_digest({"case": case.name, "job": kind, "key": job.key(case), "code": code_version})
