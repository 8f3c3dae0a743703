"""The command line. Only typer and the standard library are imported here, so that it answers at once."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from maskwright.commands.audit import audit_app
from maskwright.commands.options import numbers, point_of, whole_numbers
from maskwright.commands.serve import serve

# Help is plain text: its frames and colours would take three times as long to load as all the rest.
app = typer.Typer(
    name="maskwright",
    help="The segmentation engine behind medical annotation: exact agreement metrics, fast.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(audit_app)

_STOPPED = 130  # what typer returns after Ctrl-C

Tolerances = Annotated[
    list[float] | None,
    typer.Option(
        "--tolerance-mm", metavar="MM", help="For surface Dice and boundary IoU, in mm; repeat for more. Default: 2."
    ),
]
Percentiles = Annotated[
    list[float] | None,
    typer.Option("--percentile", metavar="P", help="A Hausdorff percentile beside 95; repeat for more."),
]
Convention = Annotated[
    Literal["metrics-reloaded", "medpy", "deepmind"],
    typer.Option(help="Whose definitions of the surface metrics."),
]
Empty = Annotated[
    Literal["infinite", "penalty"],
    typer.Option(help="Distance where only one mask holds the label: infinite, or the diagonal of the image."),
]
PresetName = Annotated[
    str | None,
    typer.Option(metavar="NAME|FILE", help="What the labels mean: a shipped preset (brats, ...) or a TOML file."),
]
Resample = Annotated[
    bool,
    typer.Option("--resample", help="Take a prediction on another grid onto the reference's by nearest neighbour."),
]
SpacingMm = Annotated[
    str | None, typer.Option("--spacing-mm", metavar="Z,Y,X", help="Voxel spacing in mm, for files that carry none.")
]
Picture = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE.png", help="Write a picture of before and after.")
]


@app.command(epilog="Example: maskwright compare truth.nii.gz model.nii.gz --tolerance-mm 1 --format json")
def compare(
    reference: Annotated[Path, typer.Argument(help="The mask to compare with: a file, or a DICOM or zarr folder.")],
    prediction: Annotated[Path, typer.Argument(help="The mask to judge.")],
    tolerance_mm: Tolerances = None,
    percentile: Percentiles = None,
    convention: Convention = "metrics-reloaded",
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
    from maskwright.engine.metrics.compare import compare as compare_labels
    from maskwright.engine.metrics.options import make_options

    options = make_options(
        tolerance_mm=tolerance_mm,
        percentile=percentile,
        convention=convention,
        empty=empty,
        preset=preset,
        resample=resample,
    )
    spacing = numbers("--spacing-mm", spacing_mm) if spacing_mm else None
    masks = [read_labels(path, spacing_mm=spacing) for path in (reference, prediction)]
    masks[0].grid.require_spacing()
    result = compare_labels(*masks, options=options)
    if left_out := result.left_out["voxels_outside_grid"]:
        print(f"{left_out} labelled voxels of the prediction lie outside the reference's grid", file=sys.stderr)
    if output == "json":
        print(result.to_json())
    elif output == "csv":
        print(result.to_polars().write_csv(), end="")
    else:
        from maskwright.engine.report.terminal import print_comparison

        print_comparison(result, options.preset.names if options.preset else {}, options.tolerances_mm[0])


@app.command(epilog="Example: maskwright qa pairs.csv --out qa-run --preset totalsegmentator-abdomen")
def qa(
    manifest: Annotated[
        Path, typer.Argument(help="CSV or Parquet: case, reference, prediction, and anything else known of a case.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the results and the report.")],
    tolerance_mm: Tolerances = None,
    percentile: Percentiles = None,
    convention: Convention = "metrics-reloaded",
    preset: PresetName = None,
    empty: Empty = "infinite",
    resample: Resample = False,
    executor: Annotated[Literal["local", "ray"], typer.Option(help="Processes on this machine, or Ray.")] = "local",
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
    from maskwright.engine.qa.run import qa as run_qa
    from maskwright.engine.report.terminal import print_headline

    tolerances = tolerance_mm or [2.0]
    with show_progress() as on_progress:
        result = run_qa(
            manifest,
            out,
            tolerance_mm=tolerances,
            percentile=percentile or [95.0],
            convention=convention,
            empty=empty,
            preset=preset,
            resample=resample,
            executor=executor,
            address=address,
            workers=workers,
            resume=resume,
            on_progress=on_progress,
        )
    print_headline(result.summary, tolerances[0])
    if result.kept:
        print(f"{result.kept} of {result.cases} cases were kept from an earlier run")
    print(f"report: {result.paths.report_html}")
    if result.failed:
        _say(f"{result.failed} of {result.cases} cases failed:")
        for case, reason in list(result.failures.items())[:5]:
            print(f"  {case}: {reason}", file=sys.stderr)
        if result.failed > 5:
            print(f"  and {result.failed - 5} more, see {result.paths.results_csv}", file=sys.stderr)
        raise typer.Exit(1)


@app.command(epilog="Example: maskwright propagate ct.nii.gz every-tenth-slice.nii.gz --out liver.nii.gz --axis 0")
def propagate(
    image: Annotated[Path, typer.Argument(help="The image: a file, or a DICOM or zarr folder.")],
    sparse_mask: Annotated[Path, typer.Argument(help="The mask, drawn on some slices, on the image's grid.")],
    out: Annotated[Path, typer.Option(metavar="MASK", help="The file for the filled mask.")],
    axis: Annotated[int, typer.Option(metavar="0|1|2", help="The axis from slice to slice, in stored z, y, x.")] = 0,
    given: Annotated[
        str | None,
        typer.Option(metavar="K,K,...", help="The drawn slices, empty ones too. Default: those that hold a label."),
    ] = None,
    start: Annotated[int | None, typer.Option("--from", metavar="K", help="The first slice to fill.")] = None,
    stop: Annotated[int | None, typer.Option("--to", metavar="K", help="The slice to stop before.")] = None,
    spacing_mm: SpacingMm = None,
    picture: Picture = None,
) -> None:
    """Fill the slices of a mask between and beyond drawn ones.

    Drawn slices stay as they are. Prints how many slices were filled and which ones to look at next.
    """
    from maskwright.engine.assist.fill_file import fill_file
    from maskwright.engine.assist.terminal import print_filled

    filled = fill_file(
        image,
        sparse_mask,
        out,
        axis=axis,
        given=whole_numbers("--given", given) if given is not None else None,
        start=start,
        stop=stop,
        spacing_mm=numbers("--spacing-mm", spacing_mm) if spacing_mm else None,
        picture=picture,
    )
    print_filled(filled)
    _say_written(out, picture)


@app.command(epilog="Example: maskwright assist ct.nii.gz --out spleen.nii.gz --point 40,180,300 --point 40,150,260:-")
def assist(
    image: Annotated[Path, typer.Argument(help="The image: a file, or a DICOM or zarr folder.")],
    out: Annotated[Path, typer.Option(metavar="MASK", help="The file for the mask, 1 inside.")],
    point: Annotated[
        list[str] | None,
        typer.Option(metavar="Z,Y,X[:+|-]", help="A voxel inside (+, the default) or outside (-); repeat for more."),
    ] = None,
    box: Annotated[
        str | None, typer.Option(metavar="Z0,Y0,X0,Z1,Y1,X1", help="A half-open box around the object.")
    ] = None,
    scribble: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Strokes on the image's grid: 1 inside, 2 outside."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="network (the default), geodesic, cut, random-walker or region-growing."),
    ] = None,
    spacing_mm: SpacingMm = None,
    picture: Picture = None,
) -> None:
    """Turn points, a box or strokes into the mask of one object.

    Indices are in the stored grid, z,y,x (y,x for a plane). The box is taken first, then the strokes, then the points
    in the order given; where prompts disagree, the later one holds. Prints the mask's size after each.
    """
    from maskwright.engine.assist.assist_file import assist_file
    from maskwright.engine.assist.terminal import print_steps

    steps = assist_file(
        image,
        out,
        points=[point_of(text) for text in point or []],
        box=whole_numbers("--box", box) if box is not None else None,
        scribble=scribble,
        method=method,
        spacing_mm=numbers("--spacing-mm", spacing_mm) if spacing_mm else None,
        picture=picture,
    )
    print_steps(steps)
    _say_written(out, picture)


app.command(epilog="Example: maskwright serve --data scans")(serve)


@app.command(epilog="Example: maskwright demo --out demo-out")
def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder for the data, the results and the report.")
    ] = Path("demo-out"),
) -> None:
    """Run the main job on a real brain.

    Makes two readings of a real brain's labels by a seeded model of a reader, compares them, and writes the report.
    Then simulated clicks outline the brain on every tenth slice, and the slices between are propagated.
    """
    from maskwright.engine.demo.assist import assist_demo
    from maskwright.engine.demo.run import run_demo
    from maskwright.engine.jobs.progress import show_progress
    from maskwright.engine.report.terminal import print_headline

    with show_progress() as on_progress:
        result = run_demo(out, on_progress=on_progress)
    clicked = assist_demo(out)
    print_headline(result.summary, 2.0)
    print("one brain in blocks: each stands in for a patient, and two seeded readers drew it")
    print(f"assist: {clicked.headline}")
    print(f"assist page: {clicked.page}")
    print(f"report: {result.paths.report_html}")


@app.command(epilog="Example: maskwright doctor")
def doctor() -> None:
    """Tell what this machine has and what is missing.

    Cores, memory, GPU, packages, extras with the command that adds them, and caches.
    """
    from maskwright.engine.doctor import examine

    for name, finding in examine():
        print(f"{name:18} {finding}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 (done), 1 (done, some cases failed), 2 (bad input) or 130 (stopped)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an odd file name must not break the output
    try:
        status = app(list(sys.argv[1:] if arguments is None else arguments) or ["--help"], standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = None  # whoever read the output has gone; nothing is left to flush
        return 0
    except Exception as error:  # bad input of any kind is one line, never a trace
        usage = getattr(error, "format_message", None)
        if usage is not None:
            _say(" ".join(usage().split()))
        else:
            from maskwright.engine.qa.reason import reason_of

            _say(reason_of(error))
        return 2
    if status == _STOPPED:
        _say("stopped; what qa has finished is kept, run the same command again to go on")
    return status if isinstance(status, int) else 0


def _say_written(out: Path, picture: Path | None) -> None:
    print(f"mask: {out}" + (f"\npicture: {picture}" if picture else ""))


def _say(line: str) -> None:
    print(f"maskwright: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
