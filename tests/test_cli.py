"""The command line: its output, its exit status, and one line for each error."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import maskwright as mw
from maskwright.cli import COMMANDS, main
from maskwright.engine.volume import Grid, LabelMap
from support.notices import without_notice

SPACING = (2.0, 1.0, 1.0)
KEYS = {
    "dice",
    "iou",
    "hd",
    "hd95",
    "assd",
    "masd",
    "nsd",
    "volume_similarity",
    "reference_voxels",
    "prediction_voxels",
}


def masks() -> tuple[np.ndarray, np.ndarray]:
    """A box of label 1 shifted by one voxel, label 2 in the reference only."""
    reference, prediction = (np.zeros((12, 24, 24), np.uint8) for _ in range(2))
    reference[3:9, 4:14, 4:14] = 1
    prediction[3:9, 5:15, 4:14] = 1
    reference[10, 20:22, 20:22] = 2
    return reference, prediction


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    paths = (tmp_path / "reference.nii.gz", tmp_path / "prediction.nii.gz")
    for path, array in zip(paths, masks()):
        mw.write(LabelMap(array, Grid.from_spacing(array.shape, SPACING).affine), path)
    return str(paths[0]), str(paths[1])


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return status, output.out, without_notice(output.err)


def test_json_output(capsys: pytest.CaptureFixture[str], pair: tuple[str, str]) -> None:
    status, out, err = run(capsys, "compare", *pair, "--format", "json", "--tolerance-mm", "0.5")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert (found["spacing_mm"], found["convention"], list(found["labels"])) == (
        [2, 1, 1],
        "metrics-reloaded",
        ["1", "2"],
    )
    first, second = found["labels"]["1"], found["labels"]["2"]
    assert set(first) >= KEYS
    # The golden case "shift": a box of 600 moved one voxel in y.
    assert (first["dice"], first["hd"], first["hd95"], first["reference_voxels"]) == (0.9, 1.0, 1.0, 600)
    assert (round(first["assd"], 4), round(first["nsd"], 4)) == (0.2674, 0.7326)
    assert (second["dice"], second["hd95"], second["precision"], second["prediction_voxels"]) == (0, "inf", "nan", 0)


def test_an_undefined_metric_is_null(capsys: pytest.CaptureFixture[str], pair: tuple[str, str]) -> None:
    _, out, _ = run(capsys, "compare", *pair, "--format", "json", "--convention", "medpy")
    assert json.loads(out)["labels"]["1"]["nsd"] is None


def test_further_tolerances_and_percentiles_add_columns(
    capsys: pytest.CaptureFixture[str], pair: tuple[str, str]
) -> None:
    options = ["--tolerance-mm", "1", "--tolerance-mm", "3", "--percentile", "90", "--percentile", "50"]
    _, out, _ = run(capsys, "compare", *pair, "--format", "csv", *options)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {"nsd", "nsd@3mm", "boundary_iou@3mm", "hd95", "hd90", "hd50"} <= set(rows[0])
    assert [row["label"] for row in rows] == ["1", "2"]
    assert float(rows[1]["hd90"]) == float("inf")


def test_the_penalty_stands_for_infinite_distances(capsys: pytest.CaptureFixture[str], pair: tuple[str, str]) -> None:
    _, out, _ = run(capsys, "compare", *pair, "--format", "json", "--empty", "penalty")
    extent = np.array([12, 24, 24]) * np.array(SPACING)
    assert json.loads(out)["labels"]["2"]["hd"] == pytest.approx(float(np.linalg.norm(extent)), rel=0.1)


def test_the_table_names_the_labels_of_a_preset(capsys: pytest.CaptureFixture[str], pair: tuple[str, str]) -> None:
    status, out, _ = run(capsys, "compare", *pair, "--preset", "brain-tissue")
    assert status == 0
    assert "grey matter" in out.splitlines()[1]
    dice = next(line.split() for line in out.splitlines() if line.startswith("Dice"))
    assert dice == ["Dice", "0.900", "0.000"]
    assert "∞" in next(line for line in out.splitlines() if line.startswith("HD95"))


def test_a_preset_without_headline_metrics(
    capsys: pytest.CaptureFixture[str], pair: tuple[str, str], tmp_path: Path
) -> None:
    preset = tmp_path / "iou.toml"
    preset.write_text("".join(f'[labels.{k}]\nname = "part {k}"\nmetrics = ["iou"]\n' for k in range(1, 7)))
    _, out, _ = run(capsys, "compare", *pair, "--preset", preset)
    assert out.splitlines()[1].split() == ["IoU"]
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"case,reference,prediction\na,{pair[0]},{pair[1]}\n")
    status, out, _ = run(capsys, "qa", manifest, "--out", tmp_path / "out", "--workers", "1", "--preset", preset)
    assert status == 0
    assert "IoU" in out.splitlines()[1]
    assert "IoU" in (tmp_path / "out" / "report.html").read_text()


def test_many_labels_run_down(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    array = np.arange(8 * 8, dtype=np.uint8).reshape(1, 8, 8) // 8
    path = tmp_path / "many.nii.gz"
    mw.write(LabelMap(array, np.eye(4)), path)
    _, out, _ = run(capsys, "compare", path, path)
    assert sum(line.startswith("label ") for line in out.splitlines()) == 7


def test_two_empty_masks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "empty.nii.gz"
    mw.write(LabelMap(np.zeros((3, 4, 5), np.uint8), np.eye(4)), path)
    status, out, _ = run(capsys, "compare", path, path)
    assert status == 0
    assert "no label in either mask" in out
    _, out, _ = run(capsys, "compare", path, path, "--format", "json")
    assert json.loads(out)["labels"] == {}


def test_files_without_spacing_need_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "mask.png"
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(path)
    status, _, err = run(capsys, "compare", path, path)
    assert status == 2
    assert "--spacing-mm" in err
    status, out, _ = run(capsys, "compare", path, path, "--spacing-mm", "0.5,0.25", "--format", "json")
    assert (status, json.loads(out)["spacing_mm"]) == (0, [0.5, 0.25])


def test_another_grid_needs_resample(capsys: pytest.CaptureFixture[str], pair: tuple[str, str], tmp_path: Path) -> None:
    fine = tmp_path / "fine.nii.gz"
    array = np.repeat(masks()[1], 2, axis=0)
    mw.write(LabelMap(array, Grid.from_spacing(array.shape, (1.0, 1.0, 1.0)).affine), fine)
    status, _, err = run(capsys, "compare", pair[0], fine)
    assert status == 2
    assert "--resample" in err
    assert run(capsys, "compare", pair[0], fine, "--resample")[::2] == (0, "")


def test_voxels_left_out_by_resampling_are_counted(
    capsys: pytest.CaptureFixture[str], pair: tuple[str, str], tmp_path: Path
) -> None:
    larger = np.pad(masks()[1], ((0, 1), (0, 0), (0, 0)))
    larger[-1, 0, :3] = 1  # beyond the reference's grid
    affine = mw.read_labels(pair[0]).affine
    mw.write(LabelMap(larger, affine), tmp_path / "larger.nii.gz")
    status, _, err = run(capsys, "compare", pair[0], tmp_path / "larger.nii.gz", "--resample")
    assert status == 0
    assert "3 labelled voxels" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "gone.nii.gz", "gone.nii.gz"], "gone.nii.gz"),
        (["compare", "only-one.nii.gz"], "prediction"),
        (["compare", "a", "b", "--convention", "mine"], "metrics-reloaded"),
        (["compare", "a", "b", "--format", "xml"], "json"),
        (["compare", "a", "b", "--preset", "nobody"], "brain-tissue"),
        (["compare", "a", "b", "--spacing-mm", "one"], "--spacing-mm"),
        (["compare", "a", "b", "--tolerance-mm", "two"], "--tolerance-mm"),
        (["qa", "gone.csv", "--out", "o"], "cannot read the manifest gone.csv"),
        (["qa", "gone.csv"], "--out"),
        (["qa", "gone.csv", "--out", "o", "--workers", "0"], "--workers"),
        (["nothing"], "nothing"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("maskwright: ")
    assert says in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_unexpected_error_is_one_line(
    capsys: pytest.CaptureFixture[str], pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("Jane Doe")

    monkeypatch.setattr("maskwright.engine.io.read_labels", broken)
    status, _, err = run(capsys, "compare", *pair)
    assert status == 2
    assert err.startswith("maskwright: unexpected ZeroDivisionError at ")
    assert "Jane" not in err


def test_qa_with_failed_cases_returns_1(
    capsys: pytest.CaptureFixture[str], pair: tuple[str, str], tmp_path: Path
) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"case,reference,prediction\ngood,{pair[0]},{pair[1]}\nbad,{pair[0]},gone.nii.gz\n")
    out = tmp_path / "out"
    status, said, err = run(capsys, "qa", manifest, "--out", out, "--workers", "1", "--preset", "brain-tissue")
    assert status == 1
    assert f"report: {out / 'report.html'}" in said
    assert "grey matter" in said
    assert "1 of 2 cases failed" in err
    assert "bad: " in err
    assert "2 of 2 cases, 1 failed" in err
    manifest.write_text(f"case,reference,prediction\ngood,{pair[0]},{pair[1]}\n")
    status, said, _ = run(capsys, "qa", manifest, "--out", out, "--workers", "1", "--preset", "brain-tissue")
    assert status == 0
    assert "1 of 1 cases were kept" in said


def test_help_shows_an_example_for_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys)
    assert status == 0
    for command in (*COMMANDS, "audit"):
        assert f"  {command} " in out
    for command in (*COMMANDS, "audit verify", "audit export", "audit checkpoints"):
        status, said, _ = run(capsys, *command.split(), "--help")
        assert status == 0
        assert f"Example: maskwright {command}" in said


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "doctor")
    assert status == 0
    for what in ("cores", "memory", "GPU", "extra dicom", "kernel cache", "kernel threads"):
        assert any(line.startswith(what) for line in out.splitlines())


def test_doctor_names_the_command_for_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskwright.engine import doctor

    known = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "ray" else known(name))
    assert dict(doctor.examine())["extra cluster"] == "missing ray: pip install 'maskwright[cluster]'"
