"""Run a job: its cases through an executor, their rows into the store, and its outputs at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import polars as pl

from maskwright.engine.jobs.case import CaseTask, run_case
from maskwright.engine.jobs.executors.executor import Executor, ExecutorName, Lost
from maskwright.engine.jobs.executors.local import LocalExecutor
from maskwright.engine.jobs.job import Job, JobResults, NamedCase, Row
from maskwright.engine.jobs.record import PARTS_FOLDER, Progress, RunRecord
from maskwright.engine.jobs.store import ResultStore, only_run_in
from maskwright.engine.storage import source_digest
from maskwright.errors import ConfigError, FileFormatError, InputError

C = TypeVar("C", bound=NamedCase)
Output = TypeVar("Output")


def run_job(
    job: Job[C, Output],
    folder: Path,
    *,
    executor: ExecutorName = "local",
    address: str | None = None,
    workers: int | None = None,
    resume: bool = True,
    on_progress: Progress | None = None,
) -> Output:
    """Run every case of a job that has no stored result, and return the result of ``job.finish``.

    Parameters
    ----------
    job : Job
        The cases and the work.
    folder : Path
        The folder of the run, made when it is missing; its folder ``parts`` is the resume store.
    executor : {"local", "ray"}
        Processes on this machine, or Ray tasks.
    address : str, optional
        A running Ray cluster.
    workers : int, optional
        How many cases at a time; by default one a core.
    resume : bool
        Take over the results that an earlier run into the folder stored under the same keys. A failed case has no
        stored result and runs again.
    on_progress : callable, optional
        Called with a ``RunRecord`` at the start and after each case.

    Raises
    ------
    InputError
        An option is wrong, a case occurs twice, or another run writes into the folder.
    FileFormatError
        The folder cannot be made.
    """
    _make_folder(folder)
    with only_run_in(folder):
        store = ResultStore(folder / PARTS_FOLDER)
        if not resume:
            store.clear()
        with _open_executor(executor, address, workers) as pool:
            results = _run_cases(job, pool, store, on_progress or (lambda record: None))
            return job.finish(results, folder, pool)


def _run_cases(job: Job[C, Output], pool: Executor, store: ResultStore, on_progress: Progress) -> JobResults:
    cases, stored = job.cases(), store.load()
    _require_unique(cases)
    stored_keys: dict[str, set[str]] = {}
    for key, table in stored.items():
        stored_keys.setdefault(table["case"][0], set()).add(key)
    tasks = [CaseTask(case, frozenset(stored_keys.get(case.name, ()))) for case in cases]
    tables: list[pl.DataFrame] = []
    reasons: dict[int, str] = {}
    resumed = 0
    on_progress(RunRecord("running", total=len(cases)))
    for done, (index, outcome) in enumerate(pool.run(partial(run_case, job, code_version()), tasks), start=1):
        if isinstance(outcome, Lost) or outcome.key is None:
            reasons[index] = outcome.reason
        elif outcome.key in stored:
            tables.append(stored[outcome.key])
            resumed += 1
        else:
            tables.append(rows_table(cases[index].name, outcome.rows, job.column_types))
            store.add(outcome.key, tables[-1])
        on_progress(RunRecord("running", done, len(cases), len(reasons)))
    failures = {cases[index].name: reasons[index] for index in sorted(reasons)}
    return JobResults(join_tables(tables, job.column_types), failures, resumed)


def _require_unique(cases: Sequence[NamedCase]) -> None:
    names: set[str] = set()
    for case in cases:
        if case.name in names:
            raise InputError(f"expected each case of a job once, got {case.name!r} twice")
        names.add(case.name)


def rows_table(case: str, rows: Sequence[Row], column_types: Mapping[str, type]) -> pl.DataFrame:
    """Return the rows of a case as a table whose types are ``column_types``, else float64, whatever the values are."""
    names = dict.fromkeys(name for row in rows for name in row)
    schema = {"case": str, **{name: column_types.get(name, float) for name in names}}
    return pl.DataFrame([{"case": case, **{name: row.get(name) for name in names}} for row in rows], schema=schema)


def join_tables(tables: Sequence[pl.DataFrame], column_types: Mapping[str, type]) -> pl.DataFrame:
    """Return the tables of cases as one, with the columns ``case`` and those of ``column_types`` also for no table."""
    return pl.concat([pl.DataFrame(schema={"case": str, **column_types}), *tables], how="diagonal")


def code_version() -> str:
    """Return the version and the digests of the code: a result is valid for the code that made it."""
    package = Path(__file__).resolve().parents[2]
    floors = (package / name for name in ("engine", "interactive", "kernels"))
    return "+".join([version("maskwright"), *map(source_digest, floors)])


def _open_executor(name: str, address: str | None, workers: int | None) -> Executor:
    if name == "ray":
        from maskwright.engine.jobs.executors.ray_cluster import RayExecutor

        return RayExecutor(address, workers)
    if name != "local":
        raise ConfigError(f"executor: expected local or ray, got {name!r}")
    if address is not None:
        raise ConfigError("address: only the ray executor has one; add --executor ray")
    return LocalExecutor(workers)


def _make_folder(folder: Path) -> None:
    try:
        (folder / PARTS_FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"cannot make the output folder {folder}: {error.strerror or error}") from error
