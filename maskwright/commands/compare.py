"""``maskwright compare``: two masks, label by label."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from maskwright.commands.messages import announce_compiling
from maskwright.commands.options import (
    ConventionName,
    Empty,
    Percentiles,
    PresetName,
    Resample,
    SpacingMm,
    Tolerances,
    spacing_of,
)

EXAMPLE = "maskwright compare truth.nii.gz model.nii.gz --tolerance-mm 1 --format json"


def run(
    reference: Annotated[Path, typer.Argument(help="The mask to compare with: a file, or a DICOM or zarr folder.")],
    prediction: Annotated[Path, typer.Argument(help="The mask to judge.")],
    tolerance_mm: Tolerances = None,
    percentile: Percentiles = None,
    convention: ConventionName = "metrics-reloaded",
    output: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", help="For reading, or for programs.")
    ] = "table",
    spacing_mm: SpacingMm = None,
    preset: PresetName = None,
    resample: Resample = False,
    empty: Empty = "infinite",
) -> None:
    """Compare two masks, label by label.

    Prints overlap, distances, surface agreement and volumes of every label that either mask holds.
    """
    from maskwright.engine.io import read_labels
    from maskwright.engine.metrics.compare import compare
    from maskwright.engine.metrics.options import make_options

    announce_compiling()

    options = make_options(
        tolerance_mm=tolerance_mm,
        percentile=percentile,
        convention=convention,
        empty=empty,
        preset=preset,
        resample=resample,
    )
    masks = [read_labels(path, spacing_mm=spacing_of(spacing_mm)) for path in (reference, prediction)]
    masks[0].grid.require_spacing()
    result = compare(*masks, options=options)
    if left_out := result.left_out["voxels_outside_grid"]:
        print(f"{left_out} labelled voxels of the prediction lie outside the reference's grid", file=sys.stderr)
    if output == "json":
        print(result.to_json())
    elif output == "csv":
        print(result.to_polars().write_csv(), end="")
    else:
        from maskwright.engine.report.terminal import print_comparison

        print_comparison(result, options.preset.names if options.preset else {}, options.tolerances_mm[0])
