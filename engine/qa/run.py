"""The function ``qa``: a manifest in, results, a summary and a report out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maskwright.engine.config import Preset
from maskwright.engine.jobs.executors.executor import ExecutorName
from maskwright.engine.jobs.record import Progress
from maskwright.engine.jobs.run import run_job
from maskwright.engine.metrics.conventions import Convention
from maskwright.engine.metrics.options import CompareOptions, EmptyPolicy, make_options
from maskwright.engine.qa.job import QaJob, QaResult
from maskwright.engine.qa.manifest import read_manifest


def qa(
    manifest: str | Path,
    out: str | Path,
    *,
    options: CompareOptions | None = None,
    tolerance_mm: float | Sequence[float] | None = None,
    percentile: float | Sequence[float] | None = None,
    convention: Convention | None = None,
    empty: EmptyPolicy | None = None,
    preset: Preset | str | Path | None = None,
    resample: bool | None = None,
    executor: ExecutorName = "local",
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
    options : CompareOptions, optional
        The definitions to measure under. A preset names the labels; without one, the union of the labels of all files
        is measured.
    tolerance_mm, percentile, convention, empty, preset, resample
        Shorthand for a field of ``options``, and not together with it, as in ``compare``.
    executor : {"local", "ray"}
        Processes on this machine, or Ray tasks.
    address : str, optional
        A running Ray cluster.
    workers : int, optional
        How many cases at a time; by default one a core.
    resume : bool
        Take over the cases that an earlier run into ``out`` finished, where neither files nor options have changed.
        Failed cases run again.
    on_progress : callable, optional
        Called with a ``RunRecord`` at the start and after each case.

    Returns
    -------
    QaResult

    Raises
    ------
    InputError, FileFormatError
        The manifest or an option cannot be used, ``out`` cannot be written, or another run writes there. A case that
        cannot be measured raises nothing: it is a row with status ``failed``.
    """
    options = make_options(
        options,
        tolerance_mm=tolerance_mm,
        percentile=percentile,
        convention=convention,
        empty=empty,
        preset=preset,
        resample=resample,
    )
    return run_job(
        QaJob(read_manifest(manifest), options),
        Path(out),
        executor=executor,
        address=address,
        workers=workers,
        resume=resume,
        on_progress=on_progress,
    )
