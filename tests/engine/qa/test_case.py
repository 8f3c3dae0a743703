"""One case: rows for what can be measured, a reason that is safe to show for what cannot."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maskwright as mw
from maskwright.engine.config import LabelSpec, Preset
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.qa.case import CaseTask, measure_case, resume_key
from maskwright.engine.qa.manifest import Case
from maskwright.engine.qa.reason import reason_of
from maskwright.engine.qa.settings import Settings
from maskwright.engine.volume import LabelMap


def mask(path: Path, array: np.ndarray) -> Path:
    mw.write(LabelMap(array, np.eye(4)), path)
    return path


def case(reference: Path, prediction: Path, spacing: tuple[float, ...] | None = None) -> Case:
    return Case("one", reference, prediction, None, spacing, None, {})


def half(label: int) -> np.ndarray:
    array = np.zeros((4, 6, 6), np.uint8)
    array[:2] = label
    return array


def test_a_preset_gives_a_row_to_each_of_its_labels(tmp_path: Path) -> None:
    pair = case(mask(tmp_path / "r.nii", half(1)), mask(tmp_path / "p.nii", half(1)))
    preset = Preset("p", {1: LabelSpec("a"), 5: LabelSpec("b", instances=True)})
    outcome = measure_case(CaseTask(pair, Settings(preset=preset), "0"))
    assert [(row["label"], row["status"]) for row in outcome.rows] == [(1, "present"), (5, "absent")]
    assert outcome.rows[1]["false_positives"] == 0
    assert "false_positives" not in outcome.rows[0]


def test_two_empty_masks_leave_one_row_without_a_label(tmp_path: Path) -> None:
    empty = mask(tmp_path / "e.nii", half(0))
    outcome = measure_case(CaseTask(case(empty, empty), Settings(), "0"))
    assert [(row["label"], row["status"]) for row in outcome.rows] == [(None, "absent")]


def test_a_kept_case_is_not_measured_again(tmp_path: Path) -> None:
    pair = case(mask(tmp_path / "r.nii", half(1)), mask(tmp_path / "p.nii", half(1)))
    key = resume_key(pair, Settings(), "0")
    outcome = measure_case(CaseTask(pair, Settings(), "0", frozenset({key})))
    assert (outcome.key, outcome.rows, outcome.reason) == (key, (), None)


def test_the_resume_key_follows_everything_a_result_depends_on(tmp_path: Path) -> None:
    one, two = mask(tmp_path / "r.nii", half(1)), mask(tmp_path / "p.nii", half(2))
    preset = Preset("p", {1: LabelSpec("a")})
    keys = [
        resume_key(case(one, two), Settings(), "0"),
        resume_key(case(two, one), Settings(), "0"),
        resume_key(case(one, two, (1.0, 1.0, 2.0)), Settings(), "0"),
        resume_key(Case("two", one, two, None, None, None, {}), Settings(), "0"),
        resume_key(case(one, two), Settings(), "1"),
        resume_key(case(one, two), Settings(resample=True), "0"),
        resume_key(case(one, two), Settings(preset=preset), "0"),
        resume_key(case(one, two), Settings(preset=Preset("p", {1: LabelSpec("a", tubular=True)})), "0"),
        *(
            resume_key(case(one, two), Settings(CompareOptions(*options)), "0")
            for options in (
                ((3.0,),),
                ((2.0,), (90.0,)),
                ((2.0,), (95.0,), "medpy"),
                ((2.0,), (95.0,), "metrics-reloaded", "penalty"),
            )
        ),
    ]
    assert len(set(keys)) == len(keys)
    renamed = case(one.rename(tmp_path / "moved.nii"), two)
    assert resume_key(renamed, Settings(), "0") == keys[0]


def test_a_missing_spacing_names_the_column(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(path)
    outcome = measure_case(CaseTask(case(path, path), Settings(), "0"))
    assert outcome.reason is not None
    assert "spacing_mm column" in outcome.reason
    assert len(measure_case(CaseTask(case(path, path, (0.5, 0.5)), Settings(), "0")).rows) == 1


def test_the_reason_of_an_unexpected_error_does_not_quote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("PatientName Jane Doe")

    pair = case(mask(tmp_path / "r.nii", half(1)), mask(tmp_path / "p.nii", half(1)))
    monkeypatch.setattr("maskwright.engine.io.read_labels", broken)
    outcome = measure_case(CaseTask(pair, Settings(), "0"))
    assert outcome.key is None
    assert outcome.reason is not None
    assert outcome.reason.startswith("unexpected ValueError at ")
    assert "Jane" not in outcome.reason


def test_reasons_are_one_line() -> None:
    assert reason_of(mw.InputError("two\n  lines")) == "two lines"
    assert reason_of(FileNotFoundError(2, "No such file or directory", "x.nii")) == "No such file or directory: x.nii"
    assert reason_of(FileNotFoundError(2, "Gone", "M\udcfcller.nii")) == "Gone: M\\udcfcller.nii"
    assert reason_of(MemoryError()) == "out of memory"
