"""``maskwright doctor``: a report of this machine."""

from __future__ import annotations

EXAMPLE = "maskwright doctor"


def run() -> None:
    """Report the machine, the packages and the caches.

    Names the command that adds a missing extra.
    """
    from maskwright.engine.doctor import examine

    for name, finding in examine():
        print(f"{name:18} {finding}")
