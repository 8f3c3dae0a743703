"""The same clicks on a small and a large volume: their times, and the memory beyond the image, each in a process."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rows import Row

SHAPES = {"small": (200, 256, 256), "large": (600, 512, 512)}
QUICK_SHAPES = {"small": (60, 100, 100), "large": (100, 150, 150)}
SPACING_MM = (1.0, 0.8, 0.8)
# Clicks as voxels from the middle of the volume; the object there is an ellipsoid of these radii.
CLICKS = (((0, 0, 0), True), ((0, 0, 30), False), ((0, 12, 0), True), ((17, 0, 0), False), ((0, -12, 4), True))
RADII = (14.0, 22.0, 24.0)


def volume(shape: tuple[int, ...]) -> NDArray[np.int16]:
    """Return a noisy volume with one bright ellipsoid in the middle and darker ones all around it; int16 as a CT."""
    rng = np.random.default_rng(11)
    tile = rng.normal(0, 30, (50, 64, 64)).astype(np.int16)
    image = np.tile(tile, [-(-n // m) for n, m in zip(shape, tile.shape)])[tuple(slice(0, n) for n in shape)]
    image = np.ascontiguousarray(image)
    half = [int(2 * radius) for radius in RADII]
    grid = np.meshgrid(*(np.arange(-h, h) for h in half), indexing="ij", sparse=True)
    ball = sum((axis / radius) ** 2 for axis, radius in zip(grid, RADII))
    middle = tuple(slice(n // 2 - h, n // 2 + h) for n, h in zip(shape, half))
    image[middle] += np.where(ball < 1, 200, np.where(ball < 2.2, 60, 0)).astype(np.int16)
    return image


def large_rows(bench: str, *, quick: bool) -> list[Row]:
    """Return the times of a click on both volumes, their ratio, and the extra memory over the image."""
    rows, medians = [], {}
    for size, shape in (QUICK_SHAPES if quick else SHAPES).items():
        command = [sys.executable, __file__, *map(str, shape)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
            rows.append(Row(bench, "large", size, "", failed=last[0][:160]))
            continue
        measured = json.loads(done.stdout.splitlines()[-1])
        seconds = measured["seconds"]
        medians[size] = statistics.median(seconds)
        rows.append(
            Row(bench, "large", f"click on {size}", "s", medians[size], min(seconds), max(seconds), len(seconds))
        )
        rows.append(Row(bench, "large", f"set_image on {size}", "s", measured["set_image"], runs=1))
        share = measured["extra"] / measured["image"]
        note = f"{measured['extra'] / 1e6:.0f} MB over an image of {measured['image'] / 1e6:.0f} MB (int16)"
        rows.append(Row(bench, "large", f"memory on {size}", "x image", share, runs=1, note=note))
    if len(medians) == 2:
        rows.append(Row(bench, "large", "large / small", "x", medians["large"] / medians["small"], runs=1))
    return rows


def status(name: str) -> int:
    """Return one of this process's sizes in bytes: VmRSS now, VmHWM at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def one_session(image: NDArray[np.int16]) -> tuple[float, list[float]]:
    """Return the seconds of ``set_image`` and of each click."""
    from maskwright.interactive.sessions.session import AssistSession

    start = time.perf_counter()
    session = AssistSession()
    session.set_image(image, SPACING_MM)
    ready = time.perf_counter() - start
    seconds = []
    for offset, positive in CLICKS:
        index = tuple(n // 2 + step for n, step in zip(image.shape, offset))
        start = time.perf_counter()
        session.add_point(index, positive=positive)
        seconds.append(time.perf_counter() - start)
    return ready, seconds


def measure(shape: tuple[int, ...]) -> dict[str, object]:
    """Warm up on a small volume, then measure a session on the wanted one."""
    one_session(volume((60, 100, 100)))
    image = volume(shape)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    ready, seconds = one_session(image)
    extra = status("VmHWM") - before
    for _ in range(2):
        seconds += one_session(image)[1]
    return {"set_image": ready, "seconds": seconds, "extra": extra, "image": image.nbytes}


if __name__ == "__main__":
    os.environ.setdefault("NUMBA_NUM_THREADS", "2")
    print(json.dumps(measure(tuple(int(n) for n in sys.argv[1:]))))
