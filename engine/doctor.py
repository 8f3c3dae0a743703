"""What this machine has, what is missing, and the command that adds it. Nothing heavy is imported to find out."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from maskwright.engine.jobs.local import usable_cores

CORE = ("numpy", "numba", "scipy", "pydicom", "zarr", "polars")
EXTRAS = ("dicom", "demo", "cluster", "models")
_GIB = 1 << 30


def examine() -> Iterator[tuple[str, str]]:
    """Yield (what, finding), one line each."""
    yield "maskwright", f"{version('maskwright')} in {Path(__file__).resolve().parents[1]}"
    yield "python", f"{platform.python_version()} at {sys.executable}"
    yield "platform", platform.platform()
    yield "cores", str(usable_cores())
    yield "memory", _memory()
    yield "GPU", _gpu()
    yield "packages", ", ".join(f"{name} {_version(name) or 'MISSING'}" for name in CORE)
    for extra in EXTRAS:
        yield f"extra {extra}", _extra(extra)
    yield "kernel cache", _kernel_cache()
    yield "kernel threads", _threading_layer()


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return "unknown"
    limit = _memory_limit()
    if limit is not None and limit < total:
        return f"{limit / _GIB:.1f} GiB allowed of {total / _GIB:.1f} GiB"
    return f"{total / _GIB:.1f} GiB"


def _memory_limit() -> int | None:
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _gpu() -> str:
    command = shutil.which("nvidia-smi")
    if command is None:
        return "none found (no nvidia-smi); everything here runs on the CPU"
    query = [command, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout.split("\n")
    except (subprocess.SubprocessError, OSError):
        return "nvidia-smi is there and does not answer: check the driver"
    return "; ".join(line.strip() for line in found if line.strip()) or "none found"


def _extra(extra: str) -> str:
    packages = _packages_of(extra)
    missing = [name for name in packages if _version(name) is None]
    if missing:
        return f"missing {', '.join(missing)}: pip install 'maskwright[{extra}]'"
    return "complete: " + ", ".join(f"{name} {_version(name)}" for name in packages)


def _packages_of(extra: str) -> list[str]:
    """Return the names of the packages that an extra asks for."""
    wanted = re.compile(rf"""^\s*([\w.-]+).*;.*extra\s*==\s*["']{extra}["']""")
    return [found[1] for found in map(wanted.match, requires("maskwright") or []) if found]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _kernel_cache() -> str:
    folder = os.environ.get("NUMBA_CACHE_DIR") or str(Path(__file__).resolve().parents[1] / "kernels")
    if os.access(folder, os.W_OK):
        return f"writable, {folder}"
    return f"not writable, {folder}: kernels are kept in the user's cache, or set NUMBA_CACHE_DIR"


def _threading_layer() -> str:
    spec = importlib.util.find_spec("numba")
    if spec is None or spec.origin is None:
        return "numba is missing"
    built = {path.name.split(".")[0] for path in (Path(spec.origin).parent / "np" / "ufunc").glob("*pool*.so")}
    chosen = os.environ.get("NUMBA_THREADING_LAYER", "omp")
    if chosen == "omp" and "omppool" not in built:
        return "OpenMP is missing: install libgomp, or set NUMBA_THREADING_LAYER=tbb"
    return "OpenMP" if chosen == "omp" else f"{chosen}, as NUMBA_THREADING_LAYER says"
