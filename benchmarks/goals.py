"""The numbers to reach, each worked out of measured rows; what was not measured says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rows import Row

LABELLED = ("brain", "b20", "b100")


@dataclass(frozen=True)
class Goal:
    """One goal on one case: what was measured, and whether that is enough. ``None`` where a row is missing."""

    work: str
    case: str
    wanted: str
    measured: str
    met: bool | None


class Table:
    """Measured values by bench, case and contestant."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {(row.bench, row.case, row.contestant): row for row in rows}

    def value(self, bench: str, case: str, contestant: str) -> float | None:
        row = self._rows.get((bench, case, contestant))
        return None if row is None else row.value

    def ratio(self, bench: str, case: str, above: str, below: str) -> float | None:
        """Return one contestant's value over another's."""
        top, bottom = self.value(bench, case, above), self.value(bench, case, below)
        return None if top is None or not bottom else top / bottom


def at_least(work: str, case: str, found: float | None, limit: float) -> Goal:
    measured = "not measured" if found is None else f"{found:.1f}x"
    return Goal(work, case, f">= {limit:g}x", measured, None if found is None else found >= limit)


def at_most(work: str, case: str, found: float | None, limit: float, unit: str = "x", digits: int = 2) -> Goal:
    measured = "not measured" if found is None else f"{found:.{digits}g}{unit}" if unit else f"{found:.{digits}g}"
    return Goal(work, case, f"<= {limit:g}{unit}", measured, None if found is None else found <= limit)


def goals(rows: Sequence[Row]) -> list[Goal]:
    """Return every goal, case by case."""
    table = Table(rows)
    return [*_overlap(table), *_surface(table), *_far_points(table), *_rest(table)]


def _overlap(table: Table) -> list[Goal]:
    found = []
    for case in (*LABELLED, "flat"):
        ratio = table.ratio("overlap", case, "simpleitk", "maskwright")
        found.append(at_least("overlap counts: SimpleITK LabelOverlap / ours", case, ratio, 15))
        ratio = table.ratio("overlap", case, "maskwright", "read")
        found.append(at_most("overlap counts: ours / reading both arrays", case, ratio, 3, digits=3))
    return found


def _surface(table: Table) -> list[Goal]:
    limits = {"panoptica": 20.0, "deepmind": 30.0, "monai-cropped": 15.0, "monai-plain": 50.0, "kd-tree": 2.5}
    found = []
    for case in LABELLED:
        for peer, limit in limits.items():
            ratio = table.ratio("surface", case, peer, "maskwright")
            found.append(at_least(f"all metrics: {peer} / ours", case, ratio, limit))
        ratio = table.ratio("surface", case, "maskwright", "read")
        found.append(at_most("all metrics: ours / reading both arrays", case, ratio, 25, digits=3))
        ratio = table.ratio("surface", case, "deepmind", "maskwright-deepmind")
        found.append(at_least("deepmind convention: surface-distance / ours", case, ratio, 10))
    return found


def _far_points(table: Table) -> list[Goal]:
    found = []
    for case in ("lesion", "shift", "islands"):
        others = [table.value("surface", case, peer) for peer in ("kd-tree", "crop-edt")]
        ours = table.value("surface", case, "maskwright")
        known = [value for value in others if value is not None]
        ratio = None if ours is None or len(known) < len(others) else ours / min(known)
        found.append(at_most("ours / the better of kd-tree and crop-edt", case, ratio, 1.2, digits=3))
    return found


def _rest(table: Table) -> list[Goal]:
    found = [
        at_most("extra memory / both inputs", case, table.value("memory", case, "maskwright"), 0.25)
        for case in (*LABELLED, "lesion", "flat")
    ]
    ratio = table.ratio("end-to-end", "ct", "monai", "maskwright-loop")
    found.append(at_least("20 pairs from files: MONAI script / ours", "ct", ratio, 10))
    for case in LABELLED:
        gap = table.value("surface", case, "exactness-mm")
        found.append(at_most("largest difference to float64 SciPy, distances", case, gap, 1e-6, " mm"))
        gap = table.value("surface", case, "exactness-nsd")
        found.append(at_most("largest difference to float64 SciPy, surface Dice", case, gap, 0, ""))
    for case in ("small", "middle"):
        ratio = table.ratio("busy", case, "two-threads", "one-thread")
        found.append(at_most("beside a busy process: two threads / one", case, ratio, 1.3, digits=3))
    for command, limit in (("compare", 10), ("assist", 15)):
        first = table.value("start-up", "first", command)
        found.append(at_most(f"first {command} after an install", "first", first, limit, " s"))
    found.append(at_most("maskwright --help", "cli", table.value("start-up", "cli", "help"), 0.3, " s"))
    found.append(at_most("maskwright compare, two files", "cli", table.value("start-up", "cli", "compare"), 2, " s"))
    return found
