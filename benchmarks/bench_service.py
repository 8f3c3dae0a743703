"""Clicks through HTTP on loopback, with the real client of nnInteractive: times, bytes, and twenty sessions at once."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from assist_sets import Target, cubes, no_data, upsampled
from numpy.typing import NDArray
from rows import Row
from synthesis import smooth_noise

NAME = "service"
CASES = ("click-2d", "click-3d", "twenty-sessions", "first-mask")
BROWSER = [
    "--no-sandbox",
    "--disable-gpu-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CLICKS = 10
LARGE = (200, 256, 256)
SESSIONS, PAUSE_S, LOAD_S = 20, 2.0, 300.0


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the rows of one case."""
    if case_name == "first-mask":
        return first_mask_rows(2 if quick else 5)
    missing = no_data("medscribble")
    if missing:
        return [Row(NAME, case_name, "all", "", failed=missing)]
    with tempfile.TemporaryDirectory() as folder, serving(folder) as (address, _, process):
        if case_name == "twenty-sessions":
            return load_rows(address, process, 20.0 if quick else LOAD_S)
        if case_name == "click-2d":
            found = [(target.image[None], target, (0, 0, 0)) for target in upsampled((512, 512), 1 if quick else 8)]
        else:
            found = [in_large_volume(target) for target in cubes(96)[: 1 if quick else None]]
        return click_rows(case_name, address, found)


@contextmanager
def serving(folder: str) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """A server of its own process on a data folder: where nnInteractive's clients go, where the page is."""
    command = [sys.executable, "-m", "maskwright.cli", "serve", "--data", folder, "--port", "0"]
    # As after any earlier start: with the modules' bytecode on the disk.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [*command, "--nninteractive-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        labels, prompts = re.findall(r"http://[\d.]+:\d+", process.stdout.readline())
        yield prompts, labels, process
    finally:
        process.terminate()
        process.wait(timeout=60)


def in_large_volume(target: Target) -> tuple[NDArray[Any], Target, tuple[int, ...]]:
    """Put a cube into a large volume; return the volume, the cube, and where its first voxel is."""
    rng = np.random.default_rng(3)
    volume = (smooth_noise(rng, LARGE, 12) * target.image.std() + target.image.mean()).astype(np.float32)
    at = tuple((n - side) // 2 for n, side in zip(LARGE, target.image.shape))
    volume[tuple(slice(a, a + n) for a, n in zip(at, target.image.shape))] = target.image
    return volume, target, at


class Visitor:
    """A client with a target: plays the simulated annotator, and notes times and bytes."""

    def __init__(self, address: str, volume: NDArray[Any], target: Target, at: tuple[int, ...]) -> None:
        from nnInteractive.inference.remote.remote_session import nnInteractiveRemoteInferenceSession

        self.session = nnInteractiveRemoteInferenceSession(address)
        self.volume, self.target = volume, target
        flat = target.image.ndim == 2
        self.at = (0, *at[1:]) if flat else at
        self.reference = target.reference[None] if flat else target.reference
        self.spacing = [1.0, *target.spacing_mm] if flat else list(target.spacing_mm)
        self.window = tuple(slice(a, a + n) for a, n in zip(self.at, self.reference.shape))
        self.seconds: list[float] = []
        self.bytes: list[int] = []
        self.session._http.event_hooks["response"].append(self._note)

    def _note(self, response: Any) -> None:
        if response.request.url.path == "/add_point_interaction":
            self.bytes.append(int(response.headers.get("content-length", 0)))

    def begin(self) -> float:
        """Upload the volume, and return the seconds it took."""
        start = time.perf_counter()
        self.session.set_image(self.volume[None] if self.volume.ndim == 3 else self.volume, {"spacing": self.spacing})
        took = time.perf_counter() - start
        self.session.set_target_buffer(np.zeros(self.volume.shape[-3:], np.uint8))
        return took

    def click(self) -> bool:
        """Click on the largest error; False where there is none."""
        from maskwright.interactive.simulation.annotator import next_click

        mask = self.session.target_buffer[self.window] > 0
        flat = self.target.image.ndim == 2
        seen = (self.reference[0], mask[0]) if flat else (self.reference, mask)
        click = next_click(seen[0], seen[1] if seen[1].any() else None, self.target.spacing_mm)
        if click is None:
            return False
        index = [a + i for a, i in zip(self.at, (0, *click.index) if flat else click.index)]
        start = time.perf_counter()
        self.session.add_point_interaction(index, include_interaction=click.positive)
        self.seconds.append(time.perf_counter() - start)
        return True


def click_rows(case: str, address: str, found: list[tuple[NDArray[Any], Target, tuple[int, ...]]]) -> list[Row]:
    """Let one visitor after the other click; the first one warms the server up and does not count."""
    seconds: list[float] = []
    sizes: list[int] = []
    uploads = []
    for k, (volume, target, at) in enumerate([found[0], *found]):
        visitor = Visitor(address, volume, target, at)
        uploads.append(visitor.begin())
        for _ in range(CLICKS):
            if not visitor.click():
                break
        visitor.session.close()
        if k:
            seconds += visitor.seconds
            sizes += visitor.bytes
    times = 1000 * np.array(seconds)
    note = f"{len(found)} images of {found[0][0].shape[-3:]}, {len(times)} clicks"
    ours = {
        "p50 ms": float(np.median(times)),
        "p95 ms": float(np.percentile(times, 95)),
        "upload s": statistics.median(uploads[1:]),
        "KB a click": float(np.mean(sizes)) / 1000,
    }
    return [Row(NAME, case, "maskwright", unit, value, runs=len(times), note=note) for unit, value in ours.items()]


def load_rows(address: str, process: subprocess.Popen[str], load_s: float) -> list[Row]:
    """Twenty visitors, a click every two seconds each; memory is that of the server's process."""
    targets = upsampled((512, 512), 8)
    visitors = [Visitor(address, t.image[None], t, (0, 0, 0)) for t in (targets * SESSIONS)[:SESSIONS]]
    errors: list[str] = []
    for visitor in visitors:
        visitor.begin()
    start = time.monotonic()
    memory: list[tuple[float, float]] = []

    def play(visitor: Visitor, delay_s: float) -> None:
        time.sleep(delay_s)
        due = time.monotonic()
        while time.monotonic() - start < load_s:
            try:
                if len(visitor.seconds) % CLICKS == 0 or not visitor.click():
                    visitor.session.reset_interactions()
                    visitor.click()
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}"[:100])
            due += PAUSE_S
            time.sleep(max(0.0, due - time.monotonic()))

    threads = [threading.Thread(target=play, args=(v, PAUSE_S * k / SESSIONS)) for k, v in enumerate(visitors)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        memory.append((time.monotonic() - start, resident_mb(process.pid)))
        time.sleep(1)
    times = 1000 * np.array([s for visitor in visitors for s in visitor.seconds])
    warm = [mb for at, mb in memory if at > load_s / 5] or [mb for _, mb in memory]
    note = f"{SESSIONS} sessions of 512 x 512 for {load_s:g} s, {len(times)} clicks" + (
        f"; {errors[0]}" if errors else ""
    )
    ours = {
        "p50 ms": float(np.median(times)),
        "p95 ms": float(np.percentile(times, 95)),
        "errors": float(len(errors)),
        "MB after warm-up": warm[0],
        "MB at the end": warm[-1],
    }
    return [
        Row(NAME, "twenty-sessions", "maskwright", unit, value, runs=len(times), note=note)
        for unit, value in ours.items()
    ]


def first_mask_rows(rounds: int) -> list[Row]:
    """From `maskwright serve` to the first mask in the page, on a ball in a volume; the browser runs already."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return [Row(NAME, "first-mask", "maskwright", "s", failed="playwright is not installed")]
    import maskwright as mw
    from maskwright.engine.volume import Volume

    grid = np.ogrid[tuple(slice(0, n) for n in LARGE)]
    ball = sum((g - n / 2) ** 2 for g, n in zip(grid, LARGE)) < 30**2
    values = np.random.default_rng(0).normal(0, 5, LARGE) + 100 * ball
    seconds = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        mw.write(Volume(values.astype(np.int16), np.eye(4)), Path(folder) / "ball.nii.gz")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=BROWSER)
        for _ in range(rounds + 1):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            start = time.perf_counter()
            with serving(folder) as (_, labels, _process):
                page.goto(labels)
                page.get_by_role("button", name="ball.nii.gz").click()
                page.get_by_text("Click on what you want to outline").wait_for(timeout=60_000)
                with page.expect_response("**/prompts") as answer:
                    page.keyboard.press("Enter")  # a click at the crosshair, in the middle
                page.locator("body:not([aria-busy])").wait_for()
                assert answer.value.json()["changed"][0]["box"]
                seconds.append(time.perf_counter() - start)
                page.close()
        browser.close()
    note = f"{LARGE} int16; server, page, image and mask; Chromium with swiftshader"
    found = seconds[1:]
    value = statistics.median(found)
    return [Row(NAME, "first-mask", "maskwright", "s", value, min(found), max(found), len(found), note)]


def resident_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]
