"""Which slices are filled from which given ones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from maskwright.interactive.propagation.request import Request

# Slices that are worked on together: their flows are in memory at the same time.
_TOGETHER = 16


@dataclass(frozen=True)
class Gap:
    """Slices to be filled, next to each other, between two given ones; ``None`` is the open end of the volume."""

    before: int | None
    after: int | None
    targets: tuple[int, ...]

    def share(self, target: int) -> float:
        """Return how far on the way from ``before`` to ``after`` a target lies; 0 or 1 beside an open end."""
        if self.before is None:
            return 1.0
        if self.after is None:
            return 0.0
        return (target - self.before) / (self.after - self.before)

    def steps(self, target: int) -> int:
        """Return how many slices away the nearest given one is."""
        return min(abs(target - given) for given in (self.before, self.after) if given is not None)


def gaps(request: Request) -> Iterator[Gap]:
    """Yield every slice of the range that is not given, in order, in gaps of at most a few slices."""
    given = request.given
    run: list[int] = []
    for number in range(request.start, request.stop + 1):
        ends = number == request.stop or number in given
        if run and (ends or len(run) == _TOGETHER):
            after = bisect_left(given, run[-1])
            yield Gap(given[after - 1] if after else None, given[after] if after < len(given) else None, tuple(run))
            run = []
        if not ends:
            run.append(number)
