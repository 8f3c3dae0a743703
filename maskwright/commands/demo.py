"""``maskwright demo``: the main job on a real brain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskwright.commands.messages import announce_compiling

EXAMPLE = "maskwright demo --out demo-out"


def run(
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

    announce_compiling()

    with show_progress() as on_progress:
        result = run_demo(out, on_progress=on_progress)
    assisted = assist_demo(out)
    print_headline(result.summary, 2.0)
    print("one brain in blocks: each stands in for a patient, and two seeded readers drew it")
    print(f"assist: {assisted.headline}")
    print(f"assist page: {assisted.page}")
    print(f"report: {result.paths.report_html}")
