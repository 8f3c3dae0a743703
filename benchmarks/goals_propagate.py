"""The numbers the propagation benchmark is to reach."""

from __future__ import annotations

from collections.abc import Sequence

from goals import Goal
from rows import Row

DICE = {"ct-5": 0.975, "ct-10": 0.955, "brain-5": 0.60}
SLICE_MS = 10.0


def propagate_goals(rows: Sequence[Row]) -> list[Goal]:
    """Return every goal of the part, also where its row is missing."""
    values = {(row.case, row.contestant): row.value for row in rows if row.bench == "propagate"}
    goals = []
    for case, limit in DICE.items():
        dice = values.get((case, "maskwright"))
        met = None if dice is None else dice >= limit
        goals.append(Goal("propagation: Dice on unseen slices", case, f">= {limit:g}", _shown(dice), met))
    for case in ("ct-5", "ct-10"):
        time_ms = values.get((case, "maskwright-time"))
        met = None if time_ms is None else time_ms <= SLICE_MS
        goals.append(Goal("propagation: ms a slice", case, f"<= {SLICE_MS:g}", _shown(time_ms), met))
    return goals


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3g}"
