"""Peak extra memory of one ``compare`` over its two inputs, in a process of its own, beside the kd-tree.

Linux keeps the peak resident size of a process and lets it be reset: it is reset after one call on the same data, so
that compiled code and imports are there, and after free memory went back to the system; it is read after a second call.
"""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from cases import Case, build
from rows import Row

NAME = "memory"
CASES = ("brain", "b20", "b100", "lesion", "flat")
CONTESTANTS = ("maskwright", "maskwright-deepmind", "kd-tree")


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the ratio of extra memory to the size of both inputs."""
    case = build(case_name, quick=quick)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        np.save(path / "reference.npy", case.reference)
        np.save(path / "prediction.npy", case.prediction)
        for contestant in CONTESTANTS:
            command = [sys.executable, __file__, case_name, contestant, folder, str(case.tolerance_mm)]
            command += [str(step) for step in case.spacing_mm]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
                rows.append(Row(NAME, case.name, contestant, "x inputs", failed=last[0][:160]))
                continue
            extra = int(done.stdout.split()[-1]) * 1024
            inputs = case.reference.nbytes + case.prediction.nbytes
            note = f"{extra / 1e6:.0f} MB over {inputs / 1e6:.0f} MB"
            rows.append(Row(NAME, case.name, contestant, "x inputs", extra / inputs, runs=1, note=note))
    return rows


def status(name: str) -> int:
    """Return one of this process's sizes in KiB: VmRSS now, VmHWM at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def measure(case_name: str, contestant: str, folder: Path, tolerance_mm: float, spacing_mm: tuple[float, ...]) -> int:
    """Return the extra KiB of one run."""
    from bench_surface import CONVENTIONS, ours, warm_up
    from peers import PEERS
    from timing import run_peer

    reference, prediction = (np.load(folder / f"{name}.npy") for name in ("reference", "prediction"))
    case = Case(case_name, reference, prediction, spacing_mm, tolerance_mm)
    assert case.labels, "nothing to compare"
    peers = [peer for peer in PEERS if peer.name == contestant]
    warm_up(peers, case)
    before = 0
    for _ in range(2):
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        before = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        if peers:
            run_peer(peers[0], case, budget_s=float("inf"))
        else:
            ours(case, CONVENTIONS[contestant])
    return status("VmHWM") - before


if __name__ == "__main__":
    os.environ.setdefault("NUMBA_NUM_THREADS", "2")
    name, who, where, tolerance, *spacing = sys.argv[1:]
    print(measure(name, who, Path(where), float(tolerance), tuple(float(step) for step in spacing)))
