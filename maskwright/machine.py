"""Cores, memory and GPUs this process may use, which a container or a scheduler may hold below those of the machine.

The one source of these numbers for every floor. It stands beside the errors, below the kernels, because Numba's
threads, the network's threads and the service's budget all start from it.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from maskwright.errors import MaskwrightError

CGROUP_ROOT = Path("/sys/fs/cgroup")
CGROUP_OF_PROCESS = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Return the number of cores: the affinity mask (cpusets included), or the CPU quota where that is less.

    A quota of one and a half cores counts as two. Always at least 1.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(affinity, cpu_quota() or affinity)


def cpu_quota() -> int | None:
    """Return the smallest CPU quota of this process's control groups in whole cores, at least 1; None without one."""
    quota = min(_cpu_quotas(), default=None)
    return None if quota is None else max(1, quota)


def usable_memory_bytes() -> int:
    """Return the bytes of memory: the machine's, or the limit of a control group where that is less."""
    return min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_memory_limits()])


@dataclass(frozen=True)
class Gpu:
    """A GPU as its driver describes it."""

    index: int
    uuid: str
    name: str
    memory: str
    driver: str


def usable_gpus() -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs that ``CUDA_VISIBLE_DEVICES`` leaves to this process, in its order; asks ``nvidia-smi``.

    Raises
    ------
    MaskwrightError
        The command is installed and fails.
    """
    command = shutil.which("nvidia-smi")
    if command is None:
        return ()
    query = [command, "--query-gpu=index,uuid,name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        lines = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout.splitlines()
        rows = [[cell.strip() for cell in line.split(",")] for line in lines if line.strip()]
        gpus = [Gpu(int(row[0]), *row[1:]) for row in rows]
    except (subprocess.SubprocessError, OSError, ValueError, TypeError) as error:
        raise MaskwrightError("nvidia-smi is there and does not answer: check the driver") from error
    return _visible(gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))


def _visible(gpus: list[Gpu], visible: str | None) -> tuple[Gpu, ...]:
    """Return the GPUs that a list of indices and UUIDs names; as in CUDA, the first unknown entry ends the list."""
    if visible is None:
        return tuple(gpus)
    chosen: list[Gpu] = []
    for entry in map(str.strip, visible.split(",")):
        gpu = next((gpu for gpu in gpus if _names(entry, gpu)), None)
        if gpu is None or gpu in chosen:
            break
        chosen.append(gpu)
    return tuple(chosen)


def _names(entry: str, gpu: Gpu) -> bool:
    return entry == str(gpu.index) or (entry.startswith("GPU-") and gpu.uuid.startswith(entry))


def _cpu_quotas() -> Iterator[int]:
    """Yield the quota of each control group that has one."""
    for folder in _control_groups("cpu"):
        limit = _words(folder / "cpu.max")  # version 2: "quota period"
        limit = limit or _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")  # version 1
        if len(limit) == 2 and limit[0].isdigit() and int(limit[1]):
            yield math.ceil(int(limit[0]) / int(limit[1]))


def _memory_limits() -> Iterator[int]:
    for folder in _control_groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _words(folder / name)
            if limit and limit[0].isdigit():
                yield int(limit[0])


def _control_groups(controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control groups and of those above them, of both versions.

    In a container the path that the kernel tells may be the host's: folders that are not there hold no file.
    """
    try:
        lines = CGROUP_OF_PROCESS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        lines = []
    yield CGROUP_ROOT
    yield CGROUP_ROOT / controller
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        roots = [CGROUP_ROOT / (controllers and controller), *([] if controllers else [CGROUP_ROOT / "unified"])]
        steps = Path(path.lstrip("/")).parts
        for root in roots:
            yield from (root.joinpath(*steps[:depth]) for depth in range(1, len(steps) + 1))


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []
