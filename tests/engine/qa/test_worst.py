"""The worst cases: which are chosen, and that each is drawn from the same masks as its numbers."""

import math
from pathlib import Path

import numpy as np
import polars as pl

import maskwright as mw
from maskwright.engine.config import LabelSpec, Preset, Region
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.qa.manifest import Case
from maskwright.engine.qa.worst import MOST_PER_LABEL, MOST_PICTURES, PictureTask, draw_worst, worst_rows
from maskwright.engine.volume import LabelMap, Volume


def table(rows: list[tuple[str, int, float, float]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["case", "label", "dice", "hd95"], orient="row")


def test_the_lowest_dice_comes_first_then_the_largest_distance() -> None:
    rows = [
        ("a", 1, 0.5, 9.0),
        ("b", 1, 0.0, math.inf),
        ("c", 1, 0.5, 12.0),
        ("d", 1, 1.0, 0.0),
        ("e", 1, math.nan, 0.0),
    ]
    assert [row["case"] for row in worst_rows(table(rows))] == ["b", "c", "a"]


def test_no_label_takes_all_the_room() -> None:
    rows = [(f"case {number}", label, 0.1 * label, 1.0) for label in range(1, 6) for number in range(9)]
    chosen = worst_rows(table(rows))
    assert len(chosen) == MOST_PICTURES
    labels = [row["label"] for row in chosen]
    assert max(labels.count(label) for label in labels) == MOST_PER_LABEL


def test_a_region_is_drawn_under_its_preset(tmp_path: Path) -> None:
    reference = np.zeros((3, 8, 8), np.uint8)
    reference[1, 2:6, 2:4], reference[1, 2:6, 4:6], reference[2] = 1, 4, 255
    prediction = np.zeros_like(reference)
    prediction[1, 2:6, 2:6], prediction[2] = 3, 3
    paths = tmp_path / "r.nii", tmp_path / "p.nii", tmp_path / "i.nii"
    for path, array in zip(paths, (reference, prediction)):
        mw.write(LabelMap(array, np.eye(4)), path)
    mw.write(Volume(np.ones(reference.shape, np.float32), np.eye(4)), paths[2])
    preset = Preset("p", {1: LabelSpec("rim"), 3: LabelSpec("core")}, {9: Region("whole", (1, 3))}, {4: 3}, ignore=255)
    case = Case("c", paths[0], paths[1], None, None, paths[2], {})
    whole = draw_worst(PictureTask(case, 9, CompareOptions(preset=preset)))
    core = draw_worst(PictureTask(case, 3, CompareOptions(preset=preset)))
    assert whole is not None
    assert core is not None
    assert (whole.voxels, core.voxels, core.index) == (0, 8, 1)
    assert "data:image/png" in whole.svg


def test_an_unreadable_case_has_no_picture(tmp_path: Path) -> None:
    case = Case("c", tmp_path / "gone.nii", tmp_path / "gone.nii", None, None, None, {})
    assert draw_worst(PictureTask(case, 1, CompareOptions())) is None
