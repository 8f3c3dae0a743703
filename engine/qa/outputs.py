"""The files of a run, each written whole or not at all."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import polars as pl

from maskwright.engine.agreement.summary import Summary
from maskwright.engine.metrics.metric import number_name
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.qa.manifest import Manifest
from maskwright.engine.qa.results import Results
from maskwright.engine.report.page import ReportContent, WorstCase, render_report
from maskwright.engine.storage import atomic_file


@dataclass(frozen=True)
class OutputPaths:
    """The files of a run."""

    results_parquet: Path
    results_csv: Path
    summary_json: Path
    report_html: Path


def write_outputs(
    folder: Path,
    manifest: Manifest,
    options: CompareOptions,
    results: Results,
    summary: Summary,
    worst: Sequence[WorstCase],
) -> OutputPaths:
    """Write the results as Parquet and CSV, the summary as JSON and the report as HTML."""
    paths = OutputPaths(
        folder / "results.parquet", folder / "results.csv", folder / "summary.json", folder / "report.html"
    )
    facts = _facts(manifest, options, results)
    content = ReportContent(
        title=f"Segmentation agreement: {Path(_name(manifest)).stem}",
        results=results.table,
        metric_columns=results.metric_columns,
        metadata_columns=manifest.metadata_columns,
        summary=summary,
        worst=worst,
        tolerance_mm=options.tolerances_mm[0],
        penalty=options.empty == "penalty",
        run=facts,
    )
    document = {"run": _run(manifest, options), **summary.to_plain()}
    with atomic_file(paths.results_parquet) as unfinished:
        results.table.write_parquet(unfinished)
    with atomic_file(paths.results_csv) as unfinished:
        results.table.write_csv(unfinished)
    with atomic_file(paths.summary_json) as unfinished:
        unfinished.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    with atomic_file(paths.report_html) as unfinished:
        unfinished.write_text(render_report(content), encoding="utf-8")
    return paths


def _run(manifest: Manifest, options: CompareOptions) -> dict[str, object]:
    return {
        "maskwright": version("maskwright"),
        "manifest": _name(manifest),
        "manifest_fingerprint": manifest.fingerprint,
        **options.content(),
    }


def _name(manifest: Manifest) -> str:
    """Return the manifest's file name; its bytes that are no text are written as escapes."""
    return manifest.path.name.encode("utf-8", "backslashreplace").decode("utf-8")


def _facts(manifest: Manifest, options: CompareOptions, results: Results) -> list[tuple[str, str]]:
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "scipy", "polars"))
    return [
        ("Maskwright", f"{version('maskwright')} (Python {platform.python_version()}, {packages})"),
        ("Manifest", f"{_name(manifest)}, {len(manifest.cases)} cases, SHA-256 {manifest.fingerprint}"),
        ("Convention", options.convention),
        ("Tolerances", ", ".join(f"{number_name(tolerance)} mm" for tolerance in options.tolerances_mm)),
        ("Hausdorff percentiles", ", ".join(f"{number_name(percentile)}" for percentile in options.percentiles)),
        ("One mask empty", _EMPTY[options.empty]),
        ("Both masks empty", "the label is absent: no overlap and no distance, volume difference 0"),
        ("Labels", f"preset {options.preset.name}" if options.preset else "every label of any file"),
        ("Other grids", _resampled(results) if options.resample else "the case fails"),
        ("Voxel spacing (z, y, x)", _spacings(results)),
    ]


_EMPTY = {
    "infinite": "distances are infinite and rank last",
    "penalty": "the diagonal of the reference grid stands for the distance",
}


def _resampled(results: Results) -> str:
    cases = results.table.filter(pl.col("voxels_left_out") > 0).unique("case")
    left_out = f"{cases['voxels_left_out'].sum()} labelled voxels of {len(cases)} predictions lay outside the reference"
    return f"prediction resampled by nearest neighbour; {left_out}"


def _spacings(results: Results) -> str:
    spacings = results.table["spacing_mm"].drop_nulls().unique().sort().to_list()
    shown = "; ".join(f"{spacing} mm" for spacing in spacings[:4])
    return f"{shown}; and {len(spacings) - 4} others" if len(spacings) > 4 else shown or "none was read"
