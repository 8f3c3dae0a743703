"""The run: complete results whatever fails, resumed where it stopped, computed again where something changed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import maskwright as mw
from maskwright.engine.jobs.record import RunRecord
from maskwright.engine.volume import Grid, LabelMap

SPACING = (2.0, 1.0, 1.0)


def write_mask(path: Path, array: np.ndarray, spacing: tuple[float, ...] = SPACING) -> None:
    mw.write(LabelMap(array, Grid.from_spacing(array.shape, spacing).affine), path)


def boxes(seed: int, shape: tuple[int, ...] = (12, 24, 24), labels: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """A reference of boxes, and the same moved and trimmed by chance."""
    generator = np.random.default_rng(seed)
    reference = np.zeros(shape, np.uint8)
    for label in range(1, labels + 1):
        low = [int(generator.integers(1, length // 2)) for length in shape]
        reference[tuple(slice(start, start + length // 3) for start, length in zip(low, shape))] = label
    prediction = np.roll(reference, int(generator.integers(0, 3)), axis=1)
    prediction[: shape[0] // 4] = 0
    return reference, prediction


def write_manifest(folder: Path, count: int, shape: tuple[int, ...] = (12, 24, 24)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["case,reference,prediction,patient,site"]
    for number in range(count):
        reference, prediction = boxes(number, shape)
        write_mask(folder / f"r{number}.nii.gz", reference)
        write_mask(folder / f"p{number}.nii.gz", prediction)
        lines.append(f"case {number},r{number}.nii.gz,p{number}.nii.gz,patient {number // 2},site {number % 2}")
    path = folder / "manifest.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_run_agrees_with_compare(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, 3)
    seen: list[RunRecord] = []
    result = mw.qa(manifest, tmp_path / "out", tolerance_mm=[1, 3], workers=2, on_progress=seen.append)
    assert seen == [RunRecord("running", done, 3) for done in range(4)]
    assert (result.cases, result.failed, result.resumed) == (3, 0, 0)
    assert pl.read_parquet(result.paths.results_parquet).equals(result.results, null_equal=True)
    from_csv = pl.read_csv(result.paths.results_csv, infer_schema_length=None)
    assert from_csv.columns == result.results.columns
    for number in range(3):
        reference, prediction = boxes(number)
        expected = mw.compare(reference, prediction, spacing_mm=SPACING, tolerance_mm=[1, 3]).to_polars()
        rows = result.results.filter(case=f"case {number}").select(expected.columns)
        assert rows.equals(expected, null_equal=True)
    summary = json.loads(result.paths.summary_json.read_text())
    assert summary["run"]["tolerances_mm"] == [1, 3]
    assert set(summary["labels"]) == {"1", "2"}
    assert "case 0" in result.paths.report_html.read_text(encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "parts",
        "report.html",
        "results.csv",
        "results.parquet",
        "summary.json",
    ]


def test_a_failed_case_is_a_row_with_its_reason(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, 5)
    (tmp_path / "p0.nii.gz").unlink()
    whole = (tmp_path / "p1.nii.gz").read_bytes()
    (tmp_path / "p1.nii.gz").write_bytes(whole[: len(whole) // 2])
    write_mask(tmp_path / "p2.nii.gz", boxes(2, (12, 24, 30))[1])
    (tmp_path / "p3.nii.gz").write_text("no image at all")
    result = mw.qa(manifest, tmp_path / "out", workers=1)
    assert (result.failed, list(result.failures)) == (4, ["case 0", "case 1", "case 2", "case 3"])
    failed = result.results.filter(status="failed")
    assert failed["case"].to_list() == ["case 0", "case 1", "case 2", "case 3"]
    reasons = failed["reason"].to_list()
    assert "p0.nii.gz" in reasons[0]
    assert "different grids" in reasons[2]
    assert all(reason and "\n" not in reason and "Traceback" not in reason for reason in reasons)
    assert failed.select("label", "dice", "reference_voxels").null_count().row(0) == (4, 4, 4)
    assert result.results.filter(pl.col("status") != "failed")["case"].unique().to_list() == ["case 4"]


def parts_of(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}


def test_only_what_changed_is_computed_again(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path, 4), tmp_path / "out"
    first = mw.qa(manifest, out, workers=1)
    before = parts_of(out)
    again = mw.qa(manifest, out, workers=1)
    assert (again.resumed, parts_of(out)) == (4, before)
    assert again.results.equals(first.results, null_equal=True)

    write_mask(tmp_path / "p2.nii.gz", boxes(99)[1])
    changed = mw.qa(manifest, out, workers=1)
    after = parts_of(out)
    assert changed.resumed == 3
    assert {name: after[name] for name in before} == before
    assert len(after) == 5
    assert len(changed.results) == len(first.results)
    assert not changed.results.filter(case="case 2").equals(first.results.filter(case="case 2"), null_equal=True)

    assert mw.qa(manifest, out, workers=1, tolerance_mm=1.0).resumed == 0
    assert mw.qa(manifest, out, workers=1).resumed == 4
    assert mw.qa(manifest, out, workers=1, resume=False).resumed == 0


def test_metadata_may_change_without_computing_again(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path, 2), tmp_path / "out"
    mw.qa(manifest, out, workers=1)
    manifest.write_text(manifest.read_text().replace("site 1", "Oslo"))
    again = mw.qa(manifest, out, workers=1)
    assert again.resumed == 2
    assert again.results["site"].unique().sort().to_list() == ["Oslo", "site 0"]


def test_a_failed_case_is_tried_again(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path, 2), tmp_path / "out"
    hidden = (tmp_path / "p1.nii.gz").rename(tmp_path / "hidden")
    assert mw.qa(manifest, out, workers=1).failed == 1
    hidden.rename(tmp_path / "p1.nii.gz")
    again = mw.qa(manifest, out, workers=1)
    assert (again.failed, again.resumed) == (0, 1)


def test_labels_of_the_manifest_are_counted_in_every_case(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, 2)
    only_first = np.where(boxes(0)[0] == 1, 1, 0).astype(np.uint8)
    write_mask(tmp_path / "r0.nii.gz", only_first)
    write_mask(tmp_path / "p0.nii.gz", only_first)
    result = mw.qa(manifest, tmp_path / "out", workers=1)
    states = {(case, label): status for case, label, status in result.results.select("case", "label", "status").rows()}
    assert states["case 0", 2] == "absent"
    assert set(states) == {(f"case {case}", label) for case in range(2) for label in (1, 2)}
    assert result.summary.labels[1].absent == 1


def test_another_grid_needs_resample(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, 1)
    write_mask(tmp_path / "p0.nii.gz", np.repeat(boxes(0)[0], 2, axis=0), (1.0, 1.0, 1.0))
    assert mw.qa(manifest, tmp_path / "out", workers=1).failed == 1
    result = mw.qa(manifest, tmp_path / "out", workers=1, resample=True)
    assert result.failed == 0
    assert result.results["dice"].min() > 0.8
    assert result.results["voxels_left_out"].to_list() == [0] * len(result.results)


def test_voxels_left_out_by_resampling_are_reported(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, 1)
    larger = np.pad(boxes(0)[0], ((0, 1), (0, 0), (0, 0)))
    larger[-1, :2, :3] = 1  # one plane beyond the reference's grid
    write_mask(tmp_path / "p0.nii.gz", larger)
    result = mw.qa(manifest, tmp_path / "out", workers=1, resample=True)
    assert set(result.results["voxels_left_out"]) == {6}
    assert "6 labelled voxels of 1 predictions" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "options",
    [{"tolerance_mm": -1.0}, {"convention": "mine"}, {"executor": "slurm"}, {"address": "auto"}, {"workers": 0}],
)
def test_a_bad_option_is_refused(tmp_path: Path, options: dict[str, object]) -> None:
    manifest = write_manifest(tmp_path, 1)
    with pytest.raises(mw.InputError):
        mw.qa(manifest, tmp_path / "out", **options)  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, 1)
    with pytest.raises(mw.FileFormatError, match="cannot make the output folder"):
        mw.qa(manifest, manifest / "out")


def test_names_that_are_not_utf8_do_not_stop_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "M\udcfcller"  # a byte of Latin-1, as Python holds it
    manifest = write_manifest(folder, 2).rename(folder / "m\udcfc.csv")
    (folder / "p1.nii.gz").unlink()
    result = mw.qa(manifest, tmp_path / "out", workers=1)
    assert "M\\udcfcller" in result.failures["case 1"]
    assert "m\\udcfc" in result.paths.report_html.read_text(encoding="utf-8")


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path, 1), tmp_path / "out"
    refused: list[str] = []

    def second_run(record: RunRecord) -> None:
        if record.done == 0:
            with pytest.raises(mw.InputError, match="another run") as error:
                mw.qa(manifest, out, workers=1)
            refused.append(str(error.value))

    assert mw.qa(manifest, out, workers=1, on_progress=second_run).failed == 0
    assert len(refused) == 1
    assert mw.qa(manifest, out, workers=1).resumed == 1


def start(manifest: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "maskwright.cli", "qa", str(manifest), "--out", str(out), "--workers", "1"]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_a_killed_run_resumes_to_the_same_results(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "data", 12, shape=(60, 128, 128))
    whole = mw.qa(manifest, tmp_path / "whole", workers=1)

    out = tmp_path / "killed"
    run = start(manifest, out)
    deadline = time.monotonic() + 120
    while len(list((out / "parts").glob("[!.]*.parquet"))) < 3:
        assert run.poll() is None, (run.stderr.read() if run.stderr else b"").decode()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    finished = len(list((out / "parts").glob("[!.]*.parquet")))
    assert 3 <= finished < 12
    assert not (out / "results.parquet").exists()

    resumed = mw.qa(manifest, out, workers=1)
    assert resumed.resumed == finished
    assert resumed.results.equals(whole.results, null_equal=True)
    assert resumed.results.select("case", "label").is_unique().all()
    assert resumed.summary == whole.summary
    assert not list((out / "parts").glob(".*"))


def test_ctrl_c_keeps_finished_cases(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "data", 12, shape=(60, 128, 128)), tmp_path / "out"
    run = start(manifest, out)
    deadline = time.monotonic() + 120
    while len(list((out / "parts").glob("[!.]*.parquet"))) < 2:
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(run.pid, signal.SIGINT)
    _, stderr = run.communicate(timeout=60)
    assert run.returncode == 130
    assert stderr.decode().splitlines()[-1].startswith("maskwright: stopped")
    assert "Traceback" not in stderr.decode()
    assert mw.qa(manifest, out, workers=1).resumed >= 2


def test_other_code_computes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write_manifest(tmp_path, 2)
    mw.qa(manifest, tmp_path / "out", workers=1)
    assert mw.qa(manifest, tmp_path / "out", workers=1).resumed == 2
    monkeypatch.setattr("maskwright.engine.jobs.run.source_digest", lambda folder: "other")
    assert mw.qa(manifest, tmp_path / "out", workers=1).resumed == 0
