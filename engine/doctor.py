"""What this machine has, what is missing, and the command that adds it. Nothing heavy is imported to find out."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from maskwright.errors import MaskwrightError
from maskwright.machine import usable_cores, usable_gpus, usable_memory_bytes

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
    total, usable = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), usable_memory_bytes()
    allowed = f"{usable / _GIB:.1f} GiB allowed of " if usable < total else ""
    return f"{allowed}{total / _GIB:.1f} GiB"


def _gpu() -> str:
    try:
        gpus = usable_gpus()
    except MaskwrightError as error:
        return str(error)
    found = "; ".join(f"{gpu.name}, {gpu.memory}, driver {gpu.driver}" for gpu in gpus)
    return found or "none found; everything here runs on the CPU"


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
