"""Run the benchmarks and write ``results.json`` and ``RESULTS.md``.

    python benchmarks/run.py                          everything, under an hour on two cores
    python benchmarks/run.py surface --case b20       one part; its rows replace the older ones
    python benchmarks/run.py --quick                  smaller data, to see that all of it runs; nothing is written

Each case runs in a process of its own, so that one that dies is a row that says so and not the end of the run.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cases import DESCRIPTIONS
from goals import goals
from goals_assist import assist_goals
from goals_propagate import propagate_goals
from goals_service import service_goals
from machine import describe
from quiet import LOUD, now, share_of_others
from rows import HERE, RESULTS, Row, read_rows, write_rows
from tables import results_page, text_of_goals

from maskwright.machine import usable_cores

BENCHES = (
    "overlap",
    "surface",
    "memory",
    "end_to_end",
    "start_up",
    "busy",
    "geodesic",
    "cut",
    "assist",
    "propagate",
    "service",
)
LIMIT_S = 900


def main() -> int:
    parser = argparse.ArgumentParser(description="Maskwright beside its peers")
    parser.add_argument("bench", nargs="*", metavar="PART", help=f"parts to run: {', '.join(BENCHES)}; default all")
    parser.add_argument("--case", action="append", help="cases to run; default all of the part")
    parser.add_argument("--quick", action="store_true", help="smaller data, nothing written")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.bench) - set(BENCHES)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    limit_threads()
    if options.worker:
        rows = load(options.bench[0]).run(options.case[0], quick=options.quick)
        write_rows(rows, options.worker)
        return 0
    start = time.perf_counter()
    fresh = []
    for bench in options.bench or BENCHES:
        for case in load(bench).CASES:
            if not options.case or case in options.case:
                fresh += run_apart(bench, case, quick=options.quick)
    if not options.quick:
        keep(fresh)
    print(text_of_goals([*goals(fresh), *assist_goals(fresh), *propagate_goals(fresh), *service_goals(fresh)]))
    print(f"{(time.perf_counter() - start) / 60:.1f} minutes")
    return 0


def limit_threads() -> None:
    """Give everyone the same two cores."""
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
        os.environ.setdefault(name, str(min(2, usable_cores())))


def load(bench: str):  # type: ignore[no-untyped-def]
    """Return the module of one part: its ``NAME``, ``CASES`` and ``run(case, quick)``."""
    return importlib.import_module(f"bench_{bench}")


def run_apart(bench: str, case: str, *, quick: bool) -> list[Row]:
    """Run one case in a process of its own and return its rows."""
    start, before = time.perf_counter(), now()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.json"
        command = [sys.executable, str(HERE / "run.py"), bench, "--case", case, "--worker", str(out)]
        command += ["--quick"] if quick else []
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
            said = done.stderr.strip().splitlines()
            reason = f"exit status {done.returncode}: {said[-1] if said else ''}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            reason = f"took longer than {LIMIT_S} s"
        if reason or not out.exists():
            rows = [Row(load(bench).NAME, case, "all", "", failed=reason[:200] or "no rows")]
        else:
            rows = read_rows(out)
    others = share_of_others(before, now())
    if others is not None:
        note = "the machine was not quiet: run this case again" if others > LOUD else ""
        rows.append(Row(load(bench).NAME, case, "other-processes", "of the cores", others, note=note))
    print(f"{load(bench).NAME} {case}: {time.perf_counter() - start:.0f} s", flush=True)
    for row in rows:
        print("  ", line(row), flush=True)
    return rows


def line(row: Row) -> str:
    if row.value is None:
        return f"{row.contestant:20} failed: {row.failed}"
    return f"{row.contestant:20} {row.value:10.4g} {row.unit:8} {row.runs:2} runs  {row.note}"


def keep(fresh: list[Row]) -> None:
    """Replace the older rows of the same parts and cases, and write both files."""
    replaced = {(row.bench, row.case) for row in fresh}
    older = [row for row in (read_rows(RESULTS) if RESULTS.exists() else []) if (row.bench, row.case) not in replaced]
    rows = sorted(older + fresh, key=lambda row: (row.bench, row.case))
    write_rows(rows, RESULTS)
    (HERE / "RESULTS.md").write_text(results_page(rows, describe(), "make bench", DESCRIPTIONS))


if __name__ == "__main__":
    sys.exit(main())
