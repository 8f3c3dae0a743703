"""Cores, memory and GPUs are those of the process: affinity, control groups of both versions, visible devices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maskwright import machine
from maskwright.errors import MaskwrightError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def control_groups(tmp_path, monkeypatch):
    """A function that sets the lines of /proc/self/cgroup and the files under /sys/fs/cgroup."""
    monkeypatch.setattr(machine, "CGROUP_ROOT", tmp_path)
    monkeypatch.setattr(machine, "CGROUP_OF_PROCESS", tmp_path / "self")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)

    def write(lines, files):
        (tmp_path / "self").write_text(lines)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)

    return write


@pytest.mark.parametrize(
    ("lines", "files", "cores"),
    [
        ("", {}, 8),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "300000 100000\n"}, 3),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "1000 100000\n"}, 1),
        ("0::/a/b\n", {"a/cpu.max": "400000 100000", "a/b/cpu.max": "max 100000"}, 4),
        ("0::/not/there\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/\n", {"cpu.max": "nonsense"}, 8),
        ("2:cpu,cpuacct:/a\n0::/\n", {"cpu/a/cpu.cfs_quota_us": "200000", "cpu/a/cpu.cfs_period_us": "100000"}, 2),
        ("2:cpu:/host\n", {"cpu/cpu.cfs_quota_us": "500000", "cpu/cpu.cfs_period_us": "100000"}, 5),
        ("2:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("2:cpuacct:/a\n", {"cpu/a/cpu.cfs_quota_us": "200000", "cpu/a/cpu.cfs_period_us": "100000"}, 8),
    ],
)
def test_cores_follow_the_quota(control_groups, lines, files, cores):
    control_groups(lines, files)
    assert machine.usable_cores() == cores


@pytest.mark.parametrize(
    ("lines", "files", "limit"),
    [
        ("0::/\n", {"memory.max": "1000000\n"}, 1_000_000),
        ("0::/a/b\n", {"a/memory.max": "1000000\n", "a/b/memory.max": "max"}, 1_000_000),
        ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "2000000"}, 2_000_000),
        ("4:memory:/host\n", {"memory/memory.limit_in_bytes": "3000000"}, 3_000_000),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": str((1 << 63) - 4096)}, None),
        ("0::/\n", {"memory.max": "max"}, None),
    ],
)
def test_memory_follows_the_limit(control_groups, lines, files, limit):
    control_groups(lines, files)
    machine_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert machine.usable_memory_bytes() == (machine_bytes if limit is None else limit)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity masks")
def test_cores_follow_the_affinity():
    program = (
        "import os; os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])\n"
        "from maskwright.engine.service.http.workers import _threads\n"
        "from maskwright.interactive.models.runtime import _threads as network\n"
        "from maskwright.machine import usable_cores\nprint(usable_cores(), _threads()._max_workers, network())"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "1 1 1\n"


def test_numba_keeps_to_the_quota(tmp_path):
    """Numba asks for the affinity mask alone; a choice of the user's, or a Numba that is loaded already, stays."""
    (tmp_path / "cpu.max").write_text("100000 100000")
    program = (
        "import os; from pathlib import Path; from maskwright import machine\n"
        f"machine.CGROUP_ROOT = Path({str(tmp_path)!r}); {{}}import maskwright.kernels\n"
        "print(os.environ.get('NUMBA_NUM_THREADS'))"
    )
    for before, threads in [("", "1"), ("import numba; ", "None"), ("os.environ['NUMBA_NUM_THREADS'] = '2'; ", "2")]:
        environment = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"}
        command = [sys.executable, "-c", program.format(before)]
        assert subprocess.check_output(command, text=True, env=environment) == f"{threads}\n"


def test_no_module_counts_the_cores_of_the_machine():
    """``os.cpu_count`` counts cores that another process was given."""
    counting = [
        path.relative_to(ROOT)
        for floor in ("maskwright", "kernels", "interactive", "engine")
        for path in (ROOT / floor).rglob("*.py")
        if "cpu_count" in path.read_text(encoding="utf-8")
    ]
    assert set(counting) <= {Path("maskwright/machine.py")}


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A function that makes an ``nvidia-smi`` of this output and status."""

    def write(text, status=0):
        command = tmp_path / "nvidia-smi"
        command.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {status}\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return write


TWO = "0, GPU-aa11, A100, 40960 MiB, 550.54\n1, GPU-bb22, H100, 81559 MiB, 550.54"


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ["A100", "H100"]),
        ("1", ["H100"]),
        ("1, 0", ["H100", "A100"]),
        ("GPU-bb", ["H100"]),
        ("0,7,1", ["A100"]),
        ("", []),
        ("-1", []),
        ("0,0", ["A100"]),
    ],
)
def test_gpus_are_the_visible_ones(driver, monkeypatch, visible, names):
    driver(TWO)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.name for gpu in machine.usable_gpus()] == names


def test_a_machine_without_a_driver_has_no_gpu(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.usable_gpus() == ()


@pytest.mark.parametrize(("text", "status"), [("Failed to initialize NVML", 9), ("no table", 0), ("0, GPU-a", 0)])
def test_a_driver_that_fails_is_an_error(driver, text, status):
    driver(text, status)
    with pytest.raises(MaskwrightError, match="check the driver"):
        machine.usable_gpus()
