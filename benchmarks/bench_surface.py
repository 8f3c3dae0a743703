"""Every pairwise metric of all labels, but clDice and instances, against each peer's own set (always a smaller one)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
from agreement import differences, summary
from cases import CT_SPACING_MM, Case, build, organ_pair
from peers import PEERS, LabelPeer, WholePeer
from reading import read_both
from rows import Row, row_of_timings
from timing import Outcome, Timings, interleave, run_peer, timed

NAME = "surface"
CASES = ("brain", "b20", "b100", "lesion", "flat", "shift", "islands")
# All peers on the three label maps; on the others only those that crop, since the rest would take minutes to lose.
EVERY_PEER = ("brain", "b20", "b100")
QUICK_PEERS = ("kd-tree", "crop-edt", "monai-cropped")
CONVENTIONS = {"maskwright": "metrics-reloaded", "maskwright-deepmind": "deepmind", "maskwright-medpy": "medpy"}


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the rows of one case."""
    import torch

    torch.set_num_threads(2)
    warnings.simplefilter("ignore")
    case = build(case_name, quick=quick)
    chosen = [peer for peer in PEERS if case_name in EVERY_PEER or peer.name in QUICK_PEERS]
    contestants: dict[str, Callable[[], Outcome]] = {
        name: lambda convention=convention: ours(case, convention)  # type: ignore[misc]
        for name, convention in CONVENTIONS.items()
    }
    contestants["read"] = timed(lambda: read_both(case))
    for peer in chosen:
        contestants[peer.name] = lambda peer=peer: run_peer(peer, case)  # type: ignore[misc]
    warm_up(chosen, case)
    found = interleave(contestants)
    return to_rows(case, chosen, found)


def ours(case: Case, convention: str) -> Outcome:
    """Time one call of ``compare`` on all labels; its cached parts are warm (see ``timing.interleave``)."""
    from maskwright.engine.metrics.compare import compare

    results = []
    clock = timed(
        lambda: results.append(
            compare(
                case.reference,
                case.prediction,
                spacing_mm=case.spacing_mm,
                tolerance_mm=case.tolerance_mm,
                convention=convention,
            )
        )
    )()
    answers = {label: metrics.values for label, metrics in results[0].labels.items()}
    return Outcome(clock.seconds, answers, len(answers), len(answers))


def warm_up(chosen: list[LabelPeer | WholePeer], case: Case) -> None:
    """Run everyone once on a small pair of the same type and dimension: imports, compiled code, lazy tables."""
    reference, prediction = organ_pair(9, (40, 80, 80), 3, 0.15)
    if case.reference.ndim == 2:
        reference, prediction = reference[20], prediction[20]
    small = Case("warm-up", reference, prediction, CT_SPACING_MM[-case.reference.ndim :], 2.0)
    for convention in CONVENTIONS.values():
        try:
            ours(small, convention)
        except Exception as error:
            print(f"warm-up of ours under {convention}: {error}")
    for peer in chosen:
        try:
            run_peer(peer, small)
        except Exception as error:
            print(f"warm-up of {peer.name}: {type(error).__name__}: {error}")


def to_rows(case: Case, chosen: list[LabelPeer | WholePeer], found: Mapping[str, Timings]) -> list[Row]:
    """Return a row for each contestant, with how far its numbers are from ours, and the exactness rows."""
    mine = {
        convention: found[name].last.answers  # type: ignore[union-attr]
        for name, convention in CONVENTIONS.items()
        if found[name].last is not None
    }
    notes: dict[str, str] = {"read": "both arrays added up once, as 64-bit words, on both cores"}
    rows: list[Row] = []
    for peer in chosen:
        last = found[peer.name].last
        if last is None or peer.convention not in mine:
            continue
        worst = differences(mine[peer.convention], last.answers)
        notes[peer.name] = f"{peer.what}; {summary(worst)}"
        if peer.name == "kd-tree":
            rows += exactness(case, worst)
    rows += [row_of_timings(NAME, case.name, name, timings, notes.get(name, "")) for name, timings in found.items()]
    return rows


def exactness(case: Case, worst: Mapping[str, float]) -> list[Row]:
    """Return the largest difference to float64 SciPy, distances and surface Dice apart."""
    millimetres = max(worst.get(column, np.inf) for column in ("hd", "hd95", "assd", "masd"))
    return [
        Row(NAME, case.name, "exactness-mm", "mm", float(millimetres), runs=1, note="against the float64 kd-tree"),
        Row(NAME, case.name, "exactness-nsd", "", float(worst["nsd"]), runs=1, note="against the float64 kd-tree"),
    ]
