"""Interleaved timing: every contestant once a round, so that what else the machine does falls on all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from cases import Case
from peers import LabelPeer, Values, WholePeer

ROUNDS = 7
# A contestant stops taking part in further rounds once its runs add up to this.
ENOUGH_S = 12.0
# A peer slower than this on all labels is timed on as many as fit, and scaled; the result says so.
LABEL_BUDGET_S = 25.0
# The first run of a quick contestant is thrown away: caches, pages, lazy imports.
QUICK_S = 3.0


@dataclass(frozen=True)
class Outcome:
    """One run: its time, scaled to all labels where it stopped early, and what it answered."""

    seconds: float
    answers: Mapping[int, Mapping[str, float | None]] = field(default_factory=dict)
    done: int = 0
    of: int = 0


@dataclass
class Timings:
    """All runs of one contestant."""

    seconds: list[float] = field(default_factory=list)
    last: Outcome | None = None
    failed: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def timed(function: Callable[[], object]) -> Callable[[], Outcome]:
    """Return a contestant that only takes time."""

    def run() -> Outcome:
        start = time.perf_counter()
        function()
        return Outcome(time.perf_counter() - start)

    return run


def run_peer(peer: LabelPeer | WholePeer, case: Case, budget_s: float = LABEL_BUDGET_S) -> Outcome:
    """Time one peer on all labels of a case, or on a random part of them that fits the budget."""
    start = time.perf_counter()
    if isinstance(peer, WholePeer):
        answers = peer.whole(case)
        return Outcome(time.perf_counter() - start, answers, len(answers), len(answers))
    context = peer.begin(case)
    begun = time.perf_counter() - start
    # Any first part of a random order stands for the whole.
    order = [case.labels[k] for k in np.random.default_rng(0).permutation(len(case.labels))]

    def one(label: int) -> tuple[int, Values | None]:
        late = time.perf_counter() - start > budget_s
        return label, None if late else peer.label(case, context, label)

    if peer.threads > 1 and len(order) > 1:
        with ThreadPoolExecutor(peer.threads) as pool:
            found = list(pool.map(one, order))
    else:
        found = [one(label) for label in order]
    answers = {label: values for label, values in found if values is not None}
    spent = time.perf_counter() - start - begun
    return Outcome(begun + spent * len(order) / len(answers), answers, len(answers), len(order))


def interleave(contestants: Mapping[str, Callable[[], Outcome]], rounds: int = ROUNDS) -> dict[str, Timings]:
    """Run all contestants round by round; one that fails is reported with its reason and left out of later rounds."""
    timings = {name: Timings() for name in contestants}
    for number in range(rounds + 1):
        for name, run in contestants.items():
            mine = timings[name]
            if mine.failed or sum(mine.seconds) > ENOUGH_S:
                continue
            try:
                start = time.perf_counter()
                mine.last = run()
                wall = time.perf_counter() - start
            except Exception as error:
                mine.failed = f"{type(error).__name__}: {str(error)[:160]}" if str(error) else type(error).__name__
                continue
            if number or wall > QUICK_S:
                mine.seconds.append(mine.last.seconds)
    return timings
