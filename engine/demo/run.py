"""Write the demo's files and run them through ``qa``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from maskwright.engine.demo.brain import WHITE, Block, brain_blocks
from maskwright.engine.demo.reader_model import Reader, read_like
from maskwright.engine.io import write
from maskwright.engine.jobs.record import Progress
from maskwright.engine.qa.job import QaResult
from maskwright.engine.qa.run import qa
from maskwright.engine.storage import atomic_file
from maskwright.engine.volume import LabelMap

SEED = 7
READERS = (
    Reader("careful", bias_mm=0.0, spread_mm=0.5, smoothness_mm=5.0, missed_mm=5.0, island_mm=2.0),
    Reader("hasty", bias_mm=0.3, spread_mm=1.1, smoothness_mm=8.0, missed_mm=12.0, island_mm=4.0),
)
FORGOTTEN = ("hasty", "right", "crown")
"""This reader did not draw the white matter of this block: how an empty mask is reported is part of the demo."""

COLUMNS = ("case", "reference", "prediction", "patient", "image", "reader", "side", "level")


def run_demo(out: Path, *, on_progress: Progress | None = None) -> QaResult:
    """Make two readings of every block of the brain, compare them with its labels, and write the report.

    Parameters
    ----------
    out : Path
        The folder for the files (``data/``) and the outputs of ``qa``. A block stands in for a patient: the intervals
        resample blocks, since the two readings of one block are similar.
    on_progress : callable, optional
        Called with a ``RunRecord`` after each case.

    Raises
    ------
    MissingExtraError
        nilearn, which carries the brain, is not installed.
    """
    data = out / "data"
    data.mkdir(parents=True, exist_ok=True)
    rows = [row for block in brain_blocks() for row in _write_block(block, data)]
    manifest = data / "two-readings-of-one-brain.csv"
    with atomic_file(manifest) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])
    return qa(manifest, out, preset="brain-tissue", on_progress=on_progress)


def _write_block(block: Block, data: Path) -> Iterator[tuple[str, ...]]:
    name = f"{block.side}-{block.level}"
    image, reference = f"{name}_t1.nii.gz", f"{name}_labels.nii.gz"
    write(block.image, data / image)
    write(block.labels, data / reference)
    for reader in READERS:
        generator = np.random.default_rng([SEED, *f"{name} {reader.name}".encode()])
        reading = read_like(reader, block.labels.array, block.labels.grid.require_spacing(), generator)
        if (reader.name, block.side, block.level) == FORGOTTEN:
            reading[reading == WHITE] = 0
        prediction = f"{name}_{reader.name}.nii.gz"
        write(LabelMap(reading, block.labels.affine), data / prediction)
        yield (
            f"{name} {reader.name}",
            reference,
            prediction,
            f"block {name}",
            image,
            reader.name,
            block.side,
            block.level,
        )
