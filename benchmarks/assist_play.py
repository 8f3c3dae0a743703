"""One target played by the simulated annotator: Dice and time after each click, and their sums."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from assist_peers import Peer
from assist_sets import Target
from numpy.typing import NDArray

CLICKS = 10
GOOD_DICE = 0.85
FAILED_AFTER = 20
DROP = 0.01
CURVE = (1, 3, 5, 10)

Mask = NDArray[np.bool_]


class Player(Protocol):
    """A contestant: it gets an image, then prompts one after another, and answers each with a mask."""

    def begin(self, target: Target) -> None: ...

    def click(self, index: tuple[int, ...], positive: bool) -> Mask: ...

    def scribble(self, stroke: Mask, positive: bool) -> Mask: ...


@dataclass
class PeerPlayer:
    """A peer that keeps no state: the prompts are collected here."""

    peer: Peer
    target: Target | None = None
    positive: Mask = field(default_factory=lambda: np.zeros(0, bool))
    negative: Mask = field(default_factory=lambda: np.zeros(0, bool))
    previous: Mask | None = None

    def begin(self, target: Target) -> None:
        self.target, self.previous = target, None
        self.positive, self.negative = (np.zeros(target.reference.shape, bool) for _ in range(2))

    def click(self, index: tuple[int, ...], positive: bool) -> Mask:
        (self.positive if positive else self.negative)[index] = True
        return self._answer()

    def scribble(self, stroke: Mask, positive: bool) -> Mask:
        drawn = self.positive if positive else self.negative
        drawn |= stroke
        return self._answer()

    def _answer(self) -> Mask:
        assert self.target is not None
        if not self.positive.any():
            return self.positive.copy()
        self.previous = self.peer(
            self.target.image, self.positive, self.negative, self.previous, self.target.spacing_mm
        )
        return self.previous


@dataclass(frozen=True)
class Game:
    """Dice and seconds after each of ten clicks; a mask that is perfect early stays so."""

    target: str
    kind: str
    dice: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def clicks_to_good(self) -> int:
        reached = [k for k, value in enumerate(self.dice, start=1) if value >= GOOD_DICE]
        return reached[0] if reached else FAILED_AFTER

    @property
    def drops(self) -> int:
        return sum(after < before - DROP for before, after in zip(self.dice, self.dice[1:]))


def dice(reference: Mask, mask: Mask) -> float:
    total = int(np.count_nonzero(reference)) + int(np.count_nonzero(mask))
    return 2 * int(np.count_nonzero(reference & mask)) / total if total else 1.0


def play(player: Player, target: Target, clicks: int = CLICKS) -> Game:
    """Let the annotator click, and return the game."""
    from maskwright.interactive.simulation.annotator import next_click

    player.begin(target)
    mask: Mask | None = None
    values: list[float] = []
    seconds: list[float] = []
    for _ in range(clicks):
        click = next_click(target.reference, mask, target.spacing_mm)
        if click is None:
            values.append(1.0)
            continue
        start = time.perf_counter()
        mask = player.click(click.index, click.positive)
        seconds.append(time.perf_counter() - start)
        mask = mask.copy()
        values.append(dice(target.reference, mask))
    return Game(target.name, target.kind, tuple(values), tuple(seconds))


def scribbled(player: Player, target: Target) -> list[float]:
    """Return the Dice after each annotator's pair of scribbles."""
    assert target.scribbles is not None
    values = []
    for positive, negative in target.scribbles:
        player.begin(target)
        player.scribble(positive & ~negative, True)
        values.append(dice(target.reference, player.scribble(negative & ~positive, False)))
    return values


def measures(games: Sequence[Game]) -> dict[str, float]:
    """Return the means over games: Dice along the curve, clicks to 0.85, the share of harmful clicks, times in ms."""
    values = {f"dice@{k}": float(np.mean([game.dice[k - 1] for game in games])) for k in CURVE}
    values["clicks to .85"] = float(np.mean([game.clicks_to_good for game in games]))
    values["worse clicks"] = sum(game.drops for game in games) / sum(len(game.dice) - 1 for game in games)
    times = 1000 * np.concatenate([game.seconds for game in games])
    return values | {"p50 ms": float(np.median(times)), "p95 ms": float(np.percentile(times, 95))}


def interleaved(
    players: dict[str, Player], targets: Sequence[Target], report: Callable[[str], None]
) -> tuple[dict[str, list[Game]], dict[str, str]]:
    """Let everyone play each target in turn; one that fails is left out from there on, with its reason."""
    games: dict[str, list[Game]] = {name: [] for name in players}
    failed: dict[str, str] = {}
    for target in targets:
        for name, player in players.items():
            if name in failed:
                continue
            try:
                games[name].append(play(player, target))
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}"[:160]
                report(f"{name} on {target.name}: {failed[name]}")
    return games, failed
