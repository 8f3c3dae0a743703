"""Clicks to masks: Dice, clicks needed, harmful clicks and times, beside the peers, over sets of images.

While tuning a method, by itself and on few sets:

    python benchmarks/bench_assist.py --methods geodesic,network --sets 2d
    python benchmarks/bench_assist.py --methods maskwright,network --sets all --scribbles

``maskwright`` is the default session, ``maskwright-cut`` a session with that method, ``cut`` the method alone on the
whole image, and the peers have the names of ``assist_peers.PEERS``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from assist_large import large_rows
from assist_peers import PEERS, WHAT
from assist_play import CURVE, Game, Player, interleaved, measures, scribbled
from assist_players import DEFAULT, fits, make_player
from assist_sets import SETS, Target, chosen, cubes, no_data, targets, upsampled
from rows import Row

NAME = "assist"
CASES = (*SETS, "scribbles", "latency-2d", "latency-3d", "large")
OURS = (DEFAULT, f"{DEFAULT}-geodesic", f"{DEFAULT}-cut", f"{DEFAULT}-random-walker")


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the rows of one case; one row a contestant and measure."""
    if case_name == "large":
        return large_rows(NAME, quick=quick)
    missing = no_data("medscribble" if case_name not in SETS else case_name)
    if missing:
        return [Row(NAME, case_name, "all", "", failed=missing)]
    if case_name == "scribbles":
        return scribble_rows(targets("medscribble")[: 2 if quick else None])
    subset = {"latency-2d": lambda: upsampled((512, 512), 8), "latency-3d": lambda: cubes(96)}.get(
        case_name, lambda: targets(case_name)
    )()
    subset = subset[:1] if quick else subset
    players = players_for(subset, (*OURS, *PEERS))
    warm_up(players, subset[0])
    games, failed = interleaved(players, subset, print)
    if case_name.startswith("latency"):
        return [row for row in rows_of(case_name, games, failed) if row.failed or row.unit.endswith("ms")]
    return rows_of(case_name, games, failed) + kind_rows(case_name, games)


def players_for(subset: Sequence[Target], names: Sequence[str]) -> dict[str, Player]:
    return {name: make_player(name) for name in names if fits(name, subset[0])}


def warm_up(players: dict[str, Player], target: Target) -> None:
    """Two clicks each: imports and compiled code are there before the clock starts."""
    inside, outside = (tuple(int(i) for i in np.argwhere(mask)[0]) for mask in (target.reference, ~target.reference))
    for name, player in players.items():
        try:
            player.begin(target)
            player.click(inside, True)
            player.click(outside, False)
        except Exception as error:
            print(f"warm-up of {name}: {type(error).__name__}: {error}")


def rows_of(case: str, games: dict[str, list[Game]], failed: dict[str, str]) -> list[Row]:
    """Return the means of one set; the lowest and highest are over its images."""
    rows = []
    for name, played in games.items():
        if name in failed:
            rows.append(Row(NAME, case, name, "dice@10", failed=failed[name]))
            continue
        each = [measures([game]) for game in played]
        for unit, value in measures(played).items():
            values = [one[unit] for one in each]
            note = f"{len(played)} images" + (f"; {WHAT[name]}" if name in WHAT else "")
            rows.append(Row(NAME, case, name, unit, value, min(values), max(values), len(played), note))
    return rows


def kind_rows(case: str, games: dict[str, list[Game]]) -> list[Row]:
    """Return the Dice of our default by kind of image, so that a mean hides nothing."""
    rows = []
    for kind in sorted({game.kind for game in games.get(DEFAULT, [])}):
        played = [game for game in games[DEFAULT] if game.kind == kind]
        values = measures(played)
        rows += [Row(NAME, f"{case}-kinds", kind, f"dice@{k}", values[f"dice@{k}"], runs=len(played)) for k in CURVE]
    return rows


def scribble_rows(subset: Sequence[Target], names: Sequence[str] = (*OURS, *PEERS)) -> list[Row]:
    """Return the Dice after one pair of human scribbles, the mean of three annotators."""
    rows = []
    for name, player in players_for(subset, names).items():
        try:
            values = [float(np.mean(scribbled(player, target))) for target in subset]
        except Exception as error:
            rows.append(Row(NAME, "scribbles", name, "dice", failed=f"{type(error).__name__}: {error}"[:160]))
            continue
        mean = float(np.mean(values))
        rows.append(Row(NAME, "scribbles", name, "dice", mean, min(values), max(values), len(values)))
    return rows


def print_games(games: dict[str, list[Game]]) -> None:
    """Print the Dice of each image along the curve, then the means."""
    names = [name for name, played in games.items() if played]
    print(f"{'dice @ ' + '/'.join(map(str, CURVE)):34}" + "".join(f"{name:>24}" for name in names))
    for k in range(max((len(games[name]) for name in names), default=0)):
        cells = ["/".join(f"{games[name][k].dice[c - 1]:.2f}"[1:] for c in CURVE) for name in names]
        print(f"{games[names[0]][k].target[:33]:34}" + "".join(f"{cell:>24}" for cell in cells))
    summaries: dict[str, Any] = {name: measures(games[name]) for name in names}
    for unit in next(iter(summaries.values()), {}):
        print(f"{'mean ' + unit:34}" + "".join(f"{summaries[name][unit]:24.3f}" for name in names))


def main() -> None:
    parser = argparse.ArgumentParser(description="Play the simulated annotator with some methods on some sets")
    parser.add_argument("--methods", default=DEFAULT, help="names, with commas between them")
    parser.add_argument("--sets", default="2d", help=f"of {', '.join(SETS)}; 2d, other2d and all stand for several")
    parser.add_argument("--scribbles", action="store_true", help="human scribbles on medscribble, too")
    parser.add_argument("--images", type=int, help="only so many of each set")
    options = parser.parse_args()
    names = options.methods.split(",")
    for set_name in chosen(options.sets.split(",")):
        subset = targets(set_name)[: options.images]
        players = players_for(subset, names)
        warm_up(players, subset[0])
        games, _ = interleaved(players, subset, print)
        print(f"\n== {set_name} ({len(subset)} images)")
        print_games(games)
    if options.scribbles:
        for row in scribble_rows(targets("medscribble")[: options.images], names):
            print(f"scribbles {row.contestant:24} {row.failed or f'{row.value:.3f}'}")


if __name__ == "__main__":
    main()
