"""How far a peer's numbers are from ours on the same masks: a benchmark against a wrong answer is worth nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping

SHARES = ("dice", "iou", "nsd")


def differences(
    ours: Mapping[int, Mapping[str, float | None]], theirs: Mapping[int, Mapping[str, float | None]]
) -> dict[str, float]:
    """Return for each column the largest absolute difference over the labels that the peer answered."""
    worst: dict[str, float] = {}
    for label, values in theirs.items():
        for column, value in values.items():
            mine = ours[label].get(column)
            gap = math.inf if mine is None or value is None else abs(mine - value)
            worst[column] = max(worst.get(column, 0.0), math.inf if math.isnan(gap) else gap)
    return worst


def summary(worst: Mapping[str, float]) -> str:
    """Return the differences in a few words, distances apart from shares."""
    parts = []
    for word, chosen in (
        ("mm", [gap for column, gap in worst.items() if column not in SHARES]),
        ("share", [gap for column, gap in worst.items() if column in SHARES]),
    ):
        if chosen:
            parts.append(f"{max(chosen):.1e} ({word})")
    return "differs by at most " + ", ".join(parts) if parts else ""
