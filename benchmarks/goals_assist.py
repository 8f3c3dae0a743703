"""The numbers the assist benchmark is to reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from goals import Goal
from rows import Row

OURS = "maskwright"
CURVE = {"dice@1": 0.60, "dice@3": 0.77, "dice@5": 0.84, "dice@10": 0.91}
VOLUMES = {"dice@1": 0.70, "dice@3": 0.85, "dice@10": 0.92}


def assist_goals(rows: Sequence[Row]) -> list[Goal]:
    """Return every goal of the part, also where its row is missing."""
    values = {(row.case, row.contestant, row.unit): row.value for row in rows if row.bench == "assist"}

    def goal(work: str, case: str, unit: str, limit: float, *, above: bool, who: str = OURS) -> Goal:
        value = values.get((case, who, unit))
        met = None if value is None else value >= limit if above else value <= limit
        measured = "not measured" if value is None else f"{value:.3g}"
        return Goal(work, case, f"{'>=' if above else '<='} {limit:g}", measured, met)

    return [*_quality(goal), *_speed(goal)]


def _quality(goal: Callable[..., Goal]) -> list[Goal]:
    goals = [goal(f"2-D clicks: {unit}", "medscribble", unit, limit, above=True) for unit, limit in CURVE.items()]
    goals.append(goal("2-D: clicks to Dice .85, 20 where never", "medscribble", "clicks to .85", 6, above=False))
    goals.append(goal("2-D: clicks that lower Dice", "medscribble", "worse clicks", 0.04, above=False))
    goals.append(goal("2-D: one pair of human scribbles", "scribbles", "dice", 0.89, above=True))
    return goals + [goal(f"3-D clicks: {unit}", "3d", unit, limit, above=True) for unit, limit in VOLUMES.items()]


def _speed(goal: Callable[..., Goal]) -> list[Goal]:
    return [
        goal("a click, 512 x 512, p95 in ms", "latency-2d", "p95 ms", 40, above=False),
        goal("a click, 96 x 96 x 96, p50 in ms", "latency-3d", "p50 ms", 80, above=False),
        goal("a click, 96 x 96 x 96, p95 in ms", "latency-3d", "p95 ms", 250, above=False),
        goal("a click on 512 x 512 x 600 / on 256 x 256 x 200", "large", "x", 1.5, above=False, who="large / small"),
        goal("extra memory / image, 512 x 512 x 600", "large", "x image", 0.5, above=False, who="memory on large"),
    ]
