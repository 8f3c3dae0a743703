"""How busy other processes kept the machine while a case ran: a number measured beside them is worth little."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
# From here on the page and the terminal say that the machine was not quiet.
LOUD = 0.05


@dataclass(frozen=True)
class Moment:
    """Seconds of processor time used so far: by everyone, and by the children of this process that have ended."""

    wall: float
    everyone: float
    ours: float


def now() -> Moment | None:
    """Return the moment, or None where the system does not tell."""
    if not STAT.exists():
        return None
    ticks = [int(word) for word in STAT.read_text().splitlines()[0].split()[1:]]
    idle = ticks[3] + ticks[4]
    everyone = (sum(ticks[:8]) - idle) / os.sysconf("SC_CLK_TCK")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Moment(time.perf_counter(), everyone, used.ru_utime + used.ru_stime)


def share_of_others(before: Moment | None, after: Moment | None) -> float | None:
    """Return which share of all cores other processes, and the host, used in between."""
    if before is None or after is None:
        return None
    others = (after.everyone - before.everyone) - (after.ours - before.ours)
    return max(others, 0.0) / ((after.wall - before.wall) * (os.cpu_count() or 1))
