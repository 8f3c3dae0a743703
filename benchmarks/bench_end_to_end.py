"""Twenty synthetic CT pairs as ``.nii.gz``, from the files to the numbers: read, compare, Dice, HD95, surface Dice.

Ours two ways: ``read_labels`` and ``compare`` in a loop (all metrics), and ``maskwright qa``, which starts, runs the
cases, and writes tables and the report. MONAI's script does what its documentation shows: LoadImage, AsDiscrete to
one-hot, DiceMetric, HausdorffDistanceMetric, SurfaceDiceMetric. It runs on a few of the pairs and is scaled.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from agreement import differences, summary
from cases import CT_SPACING_MM, organ_pair
from rows import Row

NAME = "end-to-end"
CASES = ("ct",)
SHAPE = (128, 512, 512)
ORGANS = 10
PAIRS = 20
MONAI_PAIRS = 3

Pair = tuple[Path, Path]
Answers = Mapping[int, Mapping[str, float | None]]


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the seconds for all pairs."""
    warnings.simplefilter("ignore")
    count = 4 if quick else PAIRS
    answers: dict[str, Answers] = {}
    with tempfile.TemporaryDirectory() as folder:
        pairs = write_pairs(Path(folder), count)
        ours = attempt(case_name, "maskwright-loop", lambda: our_loop(pairs, answers), "read, compare: all metrics")
        qa = attempt(case_name, "maskwright-qa", lambda: our_qa(Path(folder), pairs), "start, run, tables, report")
        few = pairs[:MONAI_PAIRS]
        monai = attempt(case_name, "monai", lambda: monai_script(few, answers) * count / len(few), "")
    if len(answers) == 2:
        note = f"Dice, HD95, NSD; {len(few)} of {count} pairs, scaled; {summary(differences(*answers.values()))}"
        monai = replace(monai, note=note)
    return [ours, qa, monai]


def attempt(case_name: str, contestant: str, seconds: Callable[[], float], note: str) -> Row:
    """Return the seconds as a row, or why there are none."""
    try:
        return Row(NAME, case_name, contestant, "s", seconds(), runs=1, note=note)
    except Exception as error:
        return Row(NAME, case_name, contestant, "s", failed=f"{type(error).__name__}: {str(error)[:160]}")


def write_pairs(folder: Path, count: int) -> list[Pair]:
    """Write the pairs; the organs differ from pair to pair."""
    import nibabel

    affine = np.diag([*reversed(CT_SPACING_MM), 1.0])
    pairs = []
    for number in range(count):
        paths = tuple(folder / f"{number:02d}_{kind}.nii.gz" for kind in ("reference", "prediction"))
        for path, labels in zip(paths, organ_pair(100 + number, SHAPE, ORGANS, 0.8), strict=True):
            image = nibabel.Nifti1Image(labels.T, affine)
            image.header.set_xyzt_units("mm")
            nibabel.save(image, path)
        pairs.append(paths)
    return pairs


def our_loop(pairs: list[Pair], answers: dict[str, Answers]) -> float:
    """Return the seconds of reading and comparing every pair, after one pair to warm up."""
    from maskwright.engine.io import read_labels
    from maskwright.engine.metrics.compare import compare

    first = compare(*(read_labels(path) for path in pairs[0]), tolerance_mm=2.0)
    answers["ours"] = {label: metrics.values for label, metrics in first.labels.items()}
    start = time.perf_counter()
    for pair in pairs:
        compare(*(read_labels(path) for path in pair), tolerance_mm=2.0)
    return time.perf_counter() - start


def our_qa(folder: Path, pairs: list[Pair]) -> float:
    """Return the seconds of the command, start-up included."""
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("case", "reference", "prediction"))
        writer.writerows((pair[0].name[:2], *map(str, pair)) for pair in pairs)
    command = [str(Path(sys.executable).with_name("maskwright")), "qa", str(manifest), "--out", str(folder / "out")]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode or not (folder / "out" / "report.html").exists():
        raise RuntimeError((done.stderr.strip().splitlines() or ["no report"])[-1])
    return seconds


def monai_script(pairs: list[Pair], answers: dict[str, Answers]) -> float:
    """Return the seconds of MONAI's own chain on some pairs; its import (five seconds) is not counted."""
    import torch
    from monai.data.utils import affine_to_spacing
    from monai.metrics import DiceMetric, HausdorffDistanceMetric, SurfaceDiceMetric
    from monai.transforms import AsDiscrete, LoadImage

    torch.set_num_threads(2)
    load = LoadImage(image_only=True, ensure_channel_first=True, dtype=np.uint8)
    one_hot = AsDiscrete(to_onehot=ORGANS + 1)
    dice = DiceMetric(include_background=False, reduction="none")
    hd95 = HausdorffDistanceMetric(include_background=False, percentile=95, reduction="none")
    nsd = SurfaceDiceMetric([2.0] * ORGANS, include_background=False, reduction="none")
    start = time.perf_counter()
    for pair in pairs:
        images = [load(path) for path in pair]
        spacing = affine_to_spacing(images[0].affine).tolist()
        reference, prediction = (one_hot(image)[None] for image in images)
        dice(prediction, reference)
        hd95(prediction, reference, spacing=spacing)
        nsd(prediction, reference, spacing=spacing)
    found = {"dice": dice.aggregate(), "hd95": hd95.aggregate(), "nsd": nsd.aggregate()}
    seconds = time.perf_counter() - start
    finite = [k for k in range(ORGANS) if bool(torch.isfinite(found["hd95"][0, k]))]
    answers["monai"] = {k + 1: {name: float(values[0, k]) for name, values in found.items()} for k in finite}
    return seconds
