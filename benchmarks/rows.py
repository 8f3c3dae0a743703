"""One measured number with all that is needed to judge it, and how rows are kept in ``results.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from timing import Timings

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"


@dataclass(frozen=True)
class Row:
    """One contestant on one case. ``value`` is in ``unit``; a failed row has no value and says why."""

    bench: str
    case: str
    contestant: str
    unit: str
    value: float | None = None
    lowest: float | None = None
    highest: float | None = None
    runs: int = 0
    note: str = ""
    failed: str = ""


def row_of_timings(bench: str, case: str, contestant: str, timings: Timings, note: str = "") -> Row:
    """Return the median of the runs as a row."""
    if timings.failed or not timings.seconds:
        return Row(bench, case, contestant, "s", failed=timings.failed or "no run finished")
    last = timings.last
    if last is not None and last.done < last.of:
        note = f"{last.done} of {last.of} labels, scaled" + (f"; {note}" if note else "")
    low, high = min(timings.seconds), max(timings.seconds)
    return Row(bench, case, contestant, "s", timings.median, low, high, len(timings.seconds), note)


def write_rows(rows: list[Row], path: Path) -> None:
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def read_rows(path: Path) -> list[Row]:
    return [Row(**row) for row in json.loads(path.read_text())]
