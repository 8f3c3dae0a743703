"""The command line from process start, caches warm: ``--help``, and ``compare`` on two 256 x 256 x 100 files.

The case ``first`` runs ``compare`` and ``assist`` as after an install: with an empty cache of compiled kernels.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from cases import organ_pair
from rows import Row

NAME = "start-up"
CASES = ("cli", "first")
SHAPE = (100, 256, 256)
RUNS = 5


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the median wall time of each command."""
    import nibabel

    runs = 2 if quick else RUNS
    program = str(Path(sys.executable).with_name("maskwright"))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{kind}.nii.gz" for kind in ("reference", "prediction")]
        for path, labels in zip(paths, organ_pair(7, SHAPE, 6, 0.5), strict=True):
            nibabel.save(nibabel.Nifti1Image(labels.T, np.diag([1.0, 1.0, 2.0, 1.0])), path)
        compare = [program, "compare", *map(str, paths)]
        if case_name == "cli":
            return [
                wall_time(case_name, "help", [program, "--help"], runs, ""),
                wall_time(case_name, "compare", compare, runs, "six labels, .nii.gz"),
            ]
        assist = [program, "assist", str(paths[0]), "--point", "50,128,128", "--out", str(Path(folder) / "mask.nii.gz")]
        return [
            first_time("compare", compare, 1 if quick else 3),
            first_time("assist", assist, 1 if quick else 3),
        ]


def first_time(contestant: str, command: list[str], runs: int) -> Row:
    """Run a command some times, each with an empty cache of kernels."""
    seconds = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as cache:
            start = time.perf_counter()
            environment = os.environ | {"NUMBA_CACHE_DIR": cache}
            subprocess.run(command, env=environment, capture_output=True, check=True)
            seconds.append(time.perf_counter() - start)
    median = float(np.median(seconds))
    return Row(NAME, "first", contestant, "s", median, min(seconds), max(seconds), runs, "empty kernel cache")


def wall_time(case_name: str, contestant: str, command: list[str], runs: int, note: str) -> Row:
    """Run a command once to warm the caches, then some times more."""
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - start)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            return Row(NAME, case_name, contestant, "s", failed=reason[:160])
    kept = seconds[1:]
    return Row(NAME, case_name, contestant, "s", float(np.median(kept)), min(kept), max(kept), runs, note)
