"""``maskwright doctor``: a report of this machine, and its kernels compiled ahead."""

from __future__ import annotations

from typing import Annotated

import typer

EXAMPLE = "maskwright doctor --warm"


def run(
    warm: Annotated[bool, typer.Option("--warm", help="Compile every kernel now, and report nothing else.")] = False,
) -> None:
    """Report the machine, the packages and the caches.

    Each missing extra comes with the command that adds it. With --warm, compile the kernels of compare, assist and
    propagate for every kind of mask into the cache, as for an image or before a batch job.
    """
    if warm:
        _warm()
        return
    from maskwright.engine.doctor import examine

    for name, finding in examine():
        print(f"{name:18} {finding}")


def _warm() -> None:
    import time

    from maskwright.engine.warm import steps

    todo, start = list(steps()), time.monotonic()
    for number, (name, work) in enumerate(todo, 1):
        print(f"{number}/{len(todo)} {name}", flush=True)
        work()
    print(f"every kernel is compiled: {time.monotonic() - start:.0f} s")
