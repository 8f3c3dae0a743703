"""The run: a manifest through an executor into results, a summary and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from maskwright.engine.agreement.summary import Summary, summarise
from maskwright.engine.config import Preset, load_preset
from maskwright.engine.jobs.executor import Executor, Lost
from maskwright.engine.jobs.local import LocalExecutor
from maskwright.engine.jobs.progress import Progress
from maskwright.engine.jobs.store import ResultStore, only_run_in
from maskwright.engine.metrics.options import Convention, EmptyPolicy, make_options
from maskwright.engine.qa.case import CaseOutcome, CaseTask, measure_case
from maskwright.engine.qa.manifest import Manifest, read_manifest
from maskwright.engine.qa.outputs import OutputPaths, write_outputs
from maskwright.engine.qa.results import complete_results, part_of
from maskwright.engine.qa.settings import Settings
from maskwright.engine.qa.worst import PictureTask, draw_worst, worst_rows
from maskwright.engine.report.page import WorstCase
from maskwright.engine.storage import source_digest
from maskwright.errors import ConfigError, FileFormatError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class QaResult:
    """What a run left behind.

    Attributes
    ----------
    results : polars.DataFrame
        One row a case and label; a failed case has one row.
    summary : Summary
        Counts, headlines and intervals by label.
    paths : OutputPaths
        The files written.
    cases, failed, kept : int
        How many cases there are, how many failed, and how many were taken over from an earlier run.
    failures : dict of str to str
        The reason of each failed case.
    """

    results: pl.DataFrame
    summary: Summary
    paths: OutputPaths
    cases: int
    failed: int
    kept: int
    failures: dict[str, str]


def qa(
    manifest: str | Path,
    out: str | Path,
    *,
    tolerance_mm: float | Sequence[float] = 2.0,
    percentile: float | Sequence[float] = 95.0,
    convention: Convention = "metrics-reloaded",
    empty: EmptyPolicy = "infinite",
    preset: Preset | str | Path | None = None,
    resample: bool = False,
    executor: Literal["local", "ray"] = "local",
    address: str | None = None,
    workers: int | None = None,
    resume: bool = True,
    on_progress: Progress | None = None,
) -> QaResult:
    """Measure every case of a manifest and write the results, a summary and a report.

    Parameters
    ----------
    manifest : path
        CSV or Parquet with the columns ``case``, ``reference``, ``prediction``; see ``read_manifest``.
    out : path
        The folder for ``results.parquet``, ``results.csv``, ``summary.json``, ``report.html`` and the resume store.
    tolerance_mm, percentile : float or sequence of float
        As in ``compare``.
    convention, empty : str
        As in ``compare``.
    preset : Preset, name or path, optional
        Names the labels; without one, the union of the labels of all files is measured.
    resample : bool
        Take a prediction on another grid onto the reference's by nearest neighbour, rather than fail the case.
    executor : {"local", "ray"}
        Processes on this machine, or Ray tasks.
    address : str, optional
        A running Ray cluster.
    workers : int, optional
        How many cases at a time; by default one a core.
    resume : bool
        Take over the cases that an earlier run into ``out`` finished, where neither files nor options have changed.
        Failed cases are tried again.
    on_progress : callable, optional
        Called with (done, total, failed).

    Returns
    -------
    QaResult

    Raises
    ------
    InputError, FileFormatError
        The manifest or an option cannot be used, ``out`` cannot be written, or another run writes there. A case that
        cannot be measured raises nothing: it is a row with status ``failed``.
    """
    settings = Settings(
        make_options(tolerance_mm=tolerance_mm, percentile=percentile, convention=convention, empty=empty),
        preset if isinstance(preset, Preset) or preset is None else load_preset(preset),
        resample,
    )
    cases = read_manifest(manifest)
    folder = _output_folder(Path(out))
    with only_run_in(folder):
        store = ResultStore(folder / "parts")
        if not resume:
            store.clear()
        with _executor(executor, address, workers) as pool:
            parts, failures, kept = _measure(pool, cases, settings, store, on_progress)
            results = complete_results(cases, parts, failures, settings)
            worst = _draw(pool, cases, settings, worst_rows(results.table))
        summary = summarise(results.table, results.metric_columns, penalty=settings.penalty)
        paths = write_outputs(folder, cases, settings, results, summary, worst)
    return QaResult(results.table, summary, paths, len(cases.cases), len(failures), kept, failures)


def _code_version() -> str:
    engine = Path(__file__).resolve().parents[1]
    sources = (source_digest(folder) for folder in (engine, engine.parent / "kernels"))
    return "+".join([version("maskwright"), *sources])


def _measure(
    pool: Executor, manifest: Manifest, settings: Settings, store: ResultStore, on_progress: Progress | None
) -> tuple[list[pl.DataFrame], dict[str, str], int]:
    cases, kept_parts = manifest.cases, store.load()
    kept_keys: dict[str, set[str]] = {}
    for key, part in kept_parts.items():
        kept_keys.setdefault(part["case"][0], set()).add(key)
    code = _code_version()
    tasks = [CaseTask(case, settings, code, frozenset(kept_keys.get(case.name, ()))) for case in cases]
    parts: list[pl.DataFrame] = []
    failures: dict[str, str] = {}
    kept = 0
    report = on_progress or (lambda done, total, failed: None)
    report(0, len(cases), 0)
    for done, (index, outcome) in enumerate(pool.run(measure_case, tasks), start=1):
        if isinstance(outcome, Lost):
            outcome = CaseOutcome(None, reason=outcome.reason)
        if outcome.key is None:
            failures[cases[index].name] = outcome.reason or ""
        elif outcome.key in kept_parts:
            parts.append(kept_parts[outcome.key])
            kept += 1
        else:
            parts.append(part_of(outcome.rows))
            store.append(outcome.key, parts[-1])
        report(done, len(cases), len(failures))
    return parts, {case.name: failures[case.name] for case in cases if case.name in failures}, kept


def _draw(pool: Executor, manifest: Manifest, settings: Settings, rows: list[dict[str, object]]) -> list[WorstCase]:
    by_name = {case.name: case for case in manifest.cases}
    tasks = [
        PictureTask(by_name[str(row["case"])], int(str(row["label"])), settings.preset, settings.resample)
        for row in rows
    ]
    pictures = {index: None if isinstance(drawn, Lost) else drawn for index, drawn in pool.run(draw_worst, tasks)}
    return [WorstCase(row, pictures[index]) for index, row in enumerate(rows)]


def _executor(name: str, address: str | None, workers: int | None) -> Executor:
    if name == "ray":
        from maskwright.engine.jobs.cluster import RayExecutor

        return RayExecutor(address, workers)
    if name != "local":
        raise ConfigError(f"executor: expected local or ray, got {name!r}")
    if address is not None:
        raise ConfigError("address: only the ray executor has one; add --executor ray")
    return LocalExecutor(workers)


def _output_folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "parts").mkdir(exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"cannot make the output folder {path}: {error.strerror or error}") from error
    return path
