"""QaJob: rows of a pair, a reason that is safe to show for a pair that fails, and a key of all that rows depend on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maskwright as mw
from maskwright.engine.config import LabelSpec, Preset
from maskwright.engine.jobs.case import CaseOutcome, CaseTask, resume_key, run_case
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.qa.job import QaJob
from maskwright.engine.qa.manifest import Case, Manifest
from maskwright.engine.volume import LabelMap


def mask(path: Path, array: np.ndarray) -> Path:
    mw.write(LabelMap(array, np.eye(4)), path)
    return path


def case(reference: Path, prediction: Path, spacing: tuple[float, ...] | None = None) -> Case:
    return Case("one", reference, prediction, None, spacing, None, {})


def job(**options: object) -> QaJob:
    return QaJob(Manifest(Path("m.csv"), (), (), ""), CompareOptions(**options))  # type: ignore[arg-type]


def measure(pair: Case, *stored_keys: str, **options: object) -> CaseOutcome:
    return run_case(job(**options), "0", CaseTask(pair, frozenset(stored_keys)))


def key(pair: Case, code: str = "0", **options: object) -> str:
    return resume_key(job(**options), code, pair)


def half(label: int) -> np.ndarray:
    array = np.zeros((4, 6, 6), np.uint8)
    array[:2] = label
    return array


def test_a_preset_gives_a_row_to_each_of_its_labels(tmp_path: Path) -> None:
    pair = case(mask(tmp_path / "r.nii", half(1)), mask(tmp_path / "p.nii", half(1)))
    preset = Preset("p", {1: LabelSpec("a"), 5: LabelSpec("b", instances=True)})
    outcome = measure(pair, preset=preset)
    assert [(row["label"], row["status"]) for row in outcome.rows] == [(1, "present"), (5, "absent")]
    assert outcome.rows[1]["false_positives"] == 0
    assert "false_positives" not in outcome.rows[0]


def test_two_empty_masks_leave_one_row_without_a_label(tmp_path: Path) -> None:
    empty = mask(tmp_path / "e.nii", half(0))
    outcome = measure(case(empty, empty))
    assert [(row["label"], row["status"]) for row in outcome.rows] == [(None, "absent")]


def test_a_stored_case_is_not_measured_again(tmp_path: Path) -> None:
    pair = case(mask(tmp_path / "r.nii", half(1)), mask(tmp_path / "p.nii", half(1)))
    assert measure(pair, key(pair)) == CaseOutcome(key(pair))


def test_the_resume_key_follows_everything_a_result_depends_on(tmp_path: Path) -> None:
    one, two = mask(tmp_path / "r.nii", half(1)), mask(tmp_path / "p.nii", half(2))
    preset = Preset("p", {1: LabelSpec("a")})
    tubular = Preset("p", {1: LabelSpec("a", tubular=True)})
    keys = [
        key(case(one, two)),
        key(case(two, one)),
        key(case(one, two, (1.0, 1.0, 2.0))),
        key(Case("two", one, two, None, None, None, {})),
        key(case(one, two), code="1"),
        key(case(one, two), resample=True),
        key(case(one, two), preset=preset),
        key(case(one, two), preset=tubular),
        key(case(one, two), tolerances_mm=(3.0,)),
        key(case(one, two), percentiles=(90.0,)),
        key(case(one, two), convention="medpy"),
        key(case(one, two), empty="penalty"),
    ]
    assert len(set(keys)) == len(keys)
    moved = case(one.rename(tmp_path / "moved.nii"), two)
    assert key(moved) == keys[0]


def test_a_missing_spacing_names_the_column(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(path)
    outcome = measure(case(path, path))
    assert "spacing_mm column" in outcome.reason
    assert len(measure(case(path, path, (0.5, 0.5))).rows) == 1


def test_the_reason_of_an_unexpected_error_does_not_quote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("PatientName Jane Doe")

    pair = case(mask(tmp_path / "r.nii", half(1)), mask(tmp_path / "p.nii", half(1)))
    monkeypatch.setattr("maskwright.engine.io.read_labels", broken)
    outcome = measure(pair)
    assert outcome.key is None
    assert outcome.reason.startswith("unexpected ValueError at ")
    assert "Jane" not in outcome.reason
