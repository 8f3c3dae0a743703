"""Gaps: the slices between given ones, and the given slices that they are filled from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from maskwright.interactive.propagation.request import Request


@dataclass(frozen=True)
class Gap:
    """Slices to be filled, next to each other, between two given ones; ``None`` is the open end of the volume."""

    before: int | None
    after: int | None
    targets: tuple[int, ...]

    def weight(self, given: int, target: int) -> float:
        """Return the weight of a given slice on a target by distance alone: those of both sides sum to 1."""
        if self.before is None or self.after is None:
            return 1.0
        return 1.0 - abs(target - given) / (self.after - self.before)

    def doubt(self, target: int) -> float:
        """Return the variance of a random walk, of one pixel a slice, that is fixed at the given slices."""
        away = [abs(target - given) for given in (self.before, self.after) if given is not None]
        return float(away[0] if len(away) == 1 else away[0] * away[1] / (away[0] + away[1]))


def gaps(request: Request) -> Iterator[Gap]:
    """Yield every slice of the range that is not given, in order, grouped by the given slices on either side."""
    given = request.given
    run: list[int] = []
    for number in range(request.start, request.stop + 1):
        ends = number == request.stop or number in given
        if run and ends:
            after = bisect_left(given, run[-1])
            yield Gap(given[after - 1] if after else None, given[after] if after < len(given) else None, tuple(run))
            run = []
        if not ends:
            run.append(number)
