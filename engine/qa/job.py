"""QaJob: measure every pair of a manifest; a table, a summary and a report at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from maskwright.engine.jobs.executors.executor import Executor, Lost
from maskwright.engine.jobs.job import JobResults, Row
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.qa.columns import CASE_COLUMNS, LABEL_COLUMNS
from maskwright.engine.qa.manifest import Case, Manifest
from maskwright.engine.storage import content_digest
from maskwright.errors import GeometryError

if TYPE_CHECKING:  # a worker process that measures does without polars
    import polars as pl

    from maskwright.engine.agreement.summary import Summary
    from maskwright.engine.qa.outputs import OutputPaths
    from maskwright.engine.report.page import WorstCase


@dataclass(frozen=True)
class QaResult:
    """The outcome of a run.

    Attributes
    ----------
    results : polars.DataFrame
        One row a case and label; a failed case has one row.
    summary : Summary
        Counts, headlines and intervals by label.
    paths : OutputPaths
        The files written.
    cases, failed, resumed : int
        How many cases there are, how many failed, and how many were taken over from an earlier run.
    failures : dict of str to str
        The reason of each failed case.
    """

    results: pl.DataFrame
    summary: Summary
    paths: OutputPaths
    cases: int
    failed: int
    resumed: int
    failures: dict[str, str]


@dataclass(frozen=True)
class QaJob:
    """The pairs of a manifest, compared under one set of options. A ``Job``."""

    manifest: Manifest
    options: CompareOptions = field(default_factory=CompareOptions)

    column_types: ClassVar[Mapping[str, type]] = {**CASE_COLUMNS, **LABEL_COLUMNS}

    def cases(self) -> Sequence[Case]:
        """Return the cases of the manifest."""
        return self.manifest.cases

    def key(self, case: Case) -> dict[str, object]:
        """Return the digests of both masks, the spacing and the options: a moved file keeps its result."""
        return {
            "reference": content_digest(case.reference),
            "prediction": content_digest(case.prediction),
            "spacing_mm": case.spacing_mm,
            "options": self.options.content(),
        }

    def run(self, case: Case) -> Sequence[Row]:
        """Return a row for each label that either mask holds or the preset names; one without a label for none."""
        from maskwright.engine.io import read_labels
        from maskwright.engine.metrics.compare import compare

        reference = read_labels(case.reference, spacing_mm=case.spacing_mm)
        prediction = read_labels(case.prediction, spacing_mm=case.spacing_mm)
        if reference.spacing_mm is None:
            raise GeometryError(f"{case.reference}: the spacing is not known: give it in a spacing_mm column, as z,y,x")
        comparison = compare(reference, prediction, options=self.options)
        shared: dict[str, str | int] = {
            "spacing_mm": ",".join(f"{step:g}" for step in comparison.spacing_mm),
            "voxels_left_out": comparison.left_out["voxels_outside_grid"],
        }
        rows = [
            {
                **shared,
                "label": label,
                "status": metrics.status,
                "reference_voxels": metrics.reference_voxels,
                "prediction_voxels": metrics.prediction_voxels,
                **metrics.values,
            }
            for label, metrics in comparison.labels.items()
        ]
        none = {"label": None, "status": "absent", "reference_voxels": 0, "prediction_voxels": 0}
        return rows or [{**shared, **none}]

    def finish(self, results: JobResults, folder: Path, executor: Executor) -> QaResult:
        """Complete the table, summarise it, draw the worst cases, and write the outputs."""
        from maskwright.engine.agreement.summary import summarise
        from maskwright.engine.qa.outputs import write_outputs
        from maskwright.engine.qa.results import complete_results

        complete = complete_results(self.manifest, results, self.options)
        summary = summarise(complete.table, complete.metric_columns, penalty=self.options.empty == "penalty")
        worst = self._draw_worst(complete.table, executor)
        paths = write_outputs(folder, self.manifest, self.options, complete, summary, worst)
        return QaResult(
            complete.table,
            summary,
            paths,
            cases=len(self.manifest.cases),
            failed=len(results.failures),
            resumed=results.resumed,
            failures=results.failures,
        )

    def _draw_worst(self, table: pl.DataFrame, executor: Executor) -> list[WorstCase]:
        from maskwright.engine.qa.worst import PictureTask, draw_worst, worst_rows
        from maskwright.engine.report.page import WorstCase

        by_name = {case.name: case for case in self.manifest.cases}
        rows = worst_rows(table)
        tasks = [PictureTask(by_name[str(row["case"])], int(str(row["label"])), self.options) for row in rows]
        pictures = dict(executor.run(draw_worst, tasks))
        drawn = (None if isinstance(picture, Lost) else picture for _, picture in sorted(pictures.items()))
        return [WorstCase(row, picture) for row, picture in zip(rows, drawn)]
