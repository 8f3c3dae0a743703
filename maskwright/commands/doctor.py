"""``maskwright doctor``: a report of this machine."""

from __future__ import annotations

EXAMPLE = "maskwright doctor"


def run() -> None:
    """Tell what this machine has and what is missing.

    Cores, memory, GPU, packages, extras with the command that adds them, and caches.
    """
    from maskwright.engine.doctor import examine

    for name, finding in examine():
        print(f"{name:18} {finding}")
