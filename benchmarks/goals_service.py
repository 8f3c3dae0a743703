"""The numbers the service is to reach."""

from __future__ import annotations

from collections.abc import Sequence

from goals import Goal
from rows import Row

WANTED = (
    ("a click through HTTP, 2-D 512 x 512, p95", "click-2d", "p95 ms", 60.0),
    ("a click through HTTP, 3-D, p50", "click-3d", "p50 ms", 100.0),
    ("a click through HTTP, 3-D, p95", "click-3d", "p95 ms", 300.0),
    ("from `maskwright serve` to the first mask in the page", "first-mask", "s", 5.0),
    ("twenty sessions, p95", "twenty-sessions", "p95 ms", 1000.0),
    ("twenty sessions, errors", "twenty-sessions", "errors", 0.0),
)
FLAT = 1.05
"""Memory is flat if it does not grow by more than this after the warm-up."""


def service_goals(rows: Sequence[Row]) -> list[Goal]:
    """Return every goal of the part, also where its row is missing."""
    values = {(row.case, row.unit): row.value for row in rows if row.bench == "service"}
    found = []
    for work, case, unit, limit in WANTED:
        value = values.get((case, unit))
        measured = "not measured" if value is None else f"{value:.3g}"
        found.append(Goal(work, case, f"<= {limit:g} {unit}", measured, None if value is None else value <= limit))
    warm, end = (values.get(("twenty-sessions", unit)) for unit in ("MB after warm-up", "MB at the end"))
    growth = None if warm is None or end is None else end / warm
    measured = "not measured" if growth is None else f"{growth:.3g}x"
    met = None if growth is None else growth <= FLAT
    return [*found, Goal("twenty sessions, memory after warm-up", "twenty-sessions", f"<= {FLAT}x", measured, met)]
