"""Slices filled from given ones: Dice on the unseen slices and time a slice, beside the peers.

    python benchmarks/bench_propagate.py ct-5 brain-5         prints a table; run.py writes the page

A case is a source and k: every k-th slice from the first labelled one, and the last one, is given. Dice is over all
unseen slices of a structure together, then the mean over structures.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from propagate_cases import CASES, VOLUMES, Structure, structures
from propagate_peers import PEERS
from rows import Row

NAME = "propagate"
# Structures listed one by one in the note of a row; of more, the worst are.
LISTED = 6


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the rows of one case: a contestant's Dice, and under its name with ``-time`` the time of a slice."""
    if not case_name.startswith("blobs") and not VOLUMES.exists():
        return [Row(NAME, case_name, "all", "", failed="the shared development data is not here")]
    chosen = list(structures(case_name))[: 2 if quick else None]
    contestants: dict[str, Callable[[Structure], NDArray[np.bool_]]] = {
        "maskwright": ours,
        **PEERS,
    }
    rows = []
    dice: dict[str, dict[str, float]] = {name: {} for name in contestants}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    failed: dict[str, str] = {}
    for warm_up in (True, False):
        for case in chosen[:1] if warm_up else chosen:
            for name, fill in contestants.items():
                if name in failed:
                    continue
                try:
                    start = time.perf_counter()
                    filled = fill(case)
                except Exception as error:
                    failed[name] = f"{type(error).__name__}: {error}"
                    continue
                if not warm_up:
                    seconds[name].append((time.perf_counter() - start) / len(case.unseen))
                    dice[name][case.name] = dice_of(filled[case.unseen], case.reference[case.unseen])
    for name in contestants:
        if name in failed:
            rows.append(Row(NAME, case_name, name, "Dice", failed=failed[name]))
            continue
        values, times = list(dice[name].values()), [1000 * value for value in seconds[name]]
        rows += [
            Row(NAME, case_name, name, "Dice", statistics.mean(values), min(values), max(values), 1, note(dice[name])),
            Row(
                NAME,
                case_name,
                f"{name}-time",
                "ms",
                statistics.median(times),
                min(times),
                max(times),
                len(times),
                SLICE,
            ),
        ]
    return rows


SLICE = "of one unseen slice, all of the filling included; median over structures"


def ours(case: Structure) -> NDArray[np.bool_]:
    from maskwright.interactive.propagation.propagate import propagate

    ends = {"start": case.given[0], "stop": case.given[-1] + 1}
    return propagate(case.image, case.sparse, case.spacing_mm, **ends).mask


def dice_of(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def note(dice: dict[str, float]) -> str:
    listed = sorted(dice.items(), key=lambda item: item[1])[:LISTED]
    start = "" if len(dice) <= LISTED else f"{len(dice)} structures, the worst: "
    return start + ", ".join(f"{name}: {value:.3f}" for name, value in listed)


def main() -> None:
    parser = argparse.ArgumentParser(description="Propagation beside its peers")
    parser.add_argument("case", nargs="*", default=CASES, metavar="CASE", help=f"of {', '.join(CASES)}; default all")
    for name in parser.parse_args().case:
        for row in run(name, quick=False):
            shown = f"failed: {row.failed}" if row.value is None else f"{row.value:8.4f} {row.unit:5} {row.note}"
            print(f"{name:10} {row.contestant:24} {shown}", flush=True)


if __name__ == "__main__":
    main()
