"""``maskwright qa``: many pairs, into a table and a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from maskwright.commands.messages import print_error
from maskwright.commands.options import ConventionName, Empty, Percentiles, PresetName, Resample, Tolerances
from maskwright.engine.jobs.executors.executor import ExecutorName

EXAMPLE = "maskwright qa pairs.csv --out qa-run --preset totalsegmentator-abdomen"


def run(
    manifest: Annotated[
        Path, typer.Argument(help="CSV or Parquet: case, reference, prediction, and anything else known of a case.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the results and the report.")],
    tolerance_mm: Tolerances = None,
    percentile: Percentiles = None,
    convention: ConventionName = "metrics-reloaded",
    preset: PresetName = None,
    empty: Empty = "infinite",
    resample: Resample = False,
    executor: Annotated[ExecutorName, typer.Option(help="Processes on this machine, or Ray.")] = "local",
    address: Annotated[str | None, typer.Option(metavar="A", help="A running Ray cluster.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Cases at a time. Default: one a core.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Keep what an earlier run finished and nothing changed since.")] = True,
) -> None:
    """Compare many pairs, and write a table and a report.

    Writes results.parquet, results.csv, summary.json and report.html. A run that was stopped goes on where it was.
    A case that cannot be measured is a row with its reason; the exit status is then 1.
    """
    from maskwright.engine.jobs.progress import show_progress
    from maskwright.engine.metrics.options import make_options
    from maskwright.engine.qa.run import qa as run_qa
    from maskwright.engine.report.terminal import print_headline

    options = make_options(
        tolerance_mm=tolerance_mm,
        percentile=percentile,
        convention=convention,
        empty=empty,
        preset=preset,
        resample=resample,
    )
    with show_progress() as on_progress:
        result = run_qa(
            manifest,
            out,
            options=options,
            executor=executor,
            address=address,
            workers=workers,
            resume=resume,
            on_progress=on_progress,
        )
    print_headline(result.summary, options.tolerances_mm[0])
    if result.resumed:
        print(f"{result.resumed} of {result.cases} cases were kept from an earlier run")
    print(f"report: {result.paths.report_html}")
    if result.failed:
        print_error(f"{result.failed} of {result.cases} cases failed:")
        for case, reason in list(result.failures.items())[:5]:
            print(f"  {case}: {reason}", file=sys.stderr)
        if result.failed > 5:
            print(f"  and {result.failed - 5} more, see {result.paths.results_csv}", file=sys.stderr)
        raise typer.Exit(1)
