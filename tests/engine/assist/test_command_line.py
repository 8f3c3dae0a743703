"""``maskwright propagate`` and ``maskwright assist``: files in, files out, and one line for what goes wrong."""

from pathlib import Path

import numpy as np
import pytest

import maskwright as mw
from maskwright.cli import main
from maskwright.engine.volume import Grid
from support.notices import without_notice

SPACING = (3.0, 1.0, 0.8)
SHAPE = (9, 40, 44)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A tube as image.nii.gz, three of its slices as labels 2 and 5 in sparse.nii.gz."""
    image = np.random.default_rng(0).normal(0, 4, SHAPE).astype(np.int16)
    image[:, 10:30, 8:22] += 200
    image[:, 10:30, 26:38] += 120
    labels = np.zeros(SHAPE, np.int16)
    for number in (0, 4, 8):
        labels[number, 10:30, 8:22], labels[number, 10:30, 26:38] = 2, 5
    affine = np.array(Grid.from_spacing(SHAPE, SPACING).affine)
    affine[:3, 3] = 12.5, -30.0, 71.0
    affine[:, 1] *= -1
    mw.write(mw.Volume(image, affine), tmp_path / "image.nii.gz")
    mw.write(mw.Volume(labels, affine), tmp_path / "sparse.nii.gz")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run in the folder; arguments that are files of it get its path."""
    known = (".gz", ".png", ".tif", ".dcm", ".xyz")
    status = main([str(folder / text) if text.endswith(known) else text for text in arguments])
    output = capsys.readouterr()
    return status, output.out, without_notice(output.err)


def test_slices_are_filled_on_the_grid_of_the_image(capsys: pytest.CaptureFixture[str], case: Path) -> None:
    status, out, err = run(capsys, case, "propagate", "image.nii.gz", "sparse.nii.gz", "--out", "filled.nii.gz")
    assert (status, err) == (0, "")
    assert "slices along axis 0: 3 given, 6 filled" in out
    assert "confidence" in out
    assert out.splitlines()[-1] == f"mask: {case / 'filled.nii.gz'}"
    image, filled = mw.read(case / "image.nii.gz"), mw.read_labels(case / "filled.nii.gz")
    assert np.array_equal(filled.affine, image.affine)
    for key in ("xyzt_units", "sform_code", "qform_code"):
        assert filled.source.header[key] == image.source.header[key]
    assert np.array_equal(filled.array == 2, np.pad(np.ones((9, 20, 14), bool), ((0, 0), (10, 10), (8, 22))))
    assert set(np.unique(filled.array)) == {0, 2, 5}


def test_the_range_and_the_given_slices_are_held(capsys: pytest.CaptureFixture[str], case: Path) -> None:
    arguments = ["propagate", "image.nii.gz", "sparse.nii.gz", "--out", "part.nii.gz"]
    status, out, _ = run(capsys, case, *arguments, "--given", "0,4,6,8", "--from", "1", "--to", "6")
    assert status == 0
    assert "4 given, 4 filled" in out
    filled = mw.read_labels(case / "part.nii.gz").array
    assert filled[1:6].any(axis=(1, 2)).all()
    assert not filled[6:8].any()


def test_other_axes_are_propagated(capsys: pytest.CaptureFixture[str], case: Path) -> None:
    labels = mw.read_labels(case / "sparse.nii.gz")
    across = np.zeros(SHAPE, np.uint8)
    across[:, 10:30, [8, 14, 21]] = 1
    mw.write(mw.LabelMap(across, labels.affine), case / "across.nii.gz")
    arguments = ["propagate", "image.nii.gz", "across.nii.gz", "--out", "a.nii.gz", "--axis", "2"]
    status, _, _ = run(capsys, case, *arguments, "--from", "8", "--to", "22", "--picture", "a.png")
    assert status == 0
    assert mw.read_labels(case / "a.nii.gz").array[:, 12:28, 9:21].all()


@pytest.mark.parametrize("command", ["propagate", "assist"])
def test_the_picture_is_a_png(capsys: pytest.CaptureFixture[str], case: Path, command: str) -> None:
    rest = {
        "propagate": ["sparse.nii.gz"],
        "assist": ["--point", "4,20,15", "--box", "0,9,7,9,31,23", "--method", "region-growing"],
    }[command]
    status, out, err = run(
        capsys, case, command, "image.nii.gz", *rest, "--out", "mask.nii.gz", "--picture", "shown.png"
    )
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == f"picture: {case / 'shown.png'}"
    picture = mw.read(case / "shown.png")
    assert picture.color
    assert picture.array.shape[0] > 300
    # Green of the prompts or of a label is somewhere on it.
    assert (np.ptp(picture.array.astype(int), axis=-1) > 60).any()


def test_points_and_strokes_make_a_mask(capsys: pytest.CaptureFixture[str], case: Path) -> None:
    strokes = np.zeros(SHAPE, np.uint8)
    strokes[4, 15:25, 14], strokes[4, 5, 5:30] = 1, 2
    mw.write(mw.LabelMap(strokes, mw.read(case / "image.nii.gz").affine), case / "strokes.nii.gz")
    arguments = ["--scribble", "strokes.nii.gz", "--point", "4,20,15:+", "--point", "4,20,30:-"]
    arguments += ["--out", "mask.nii.gz", "--method", "region-growing"]
    status, out, err = run(capsys, case, "assist", "image.nii.gz", *arguments)
    assert (status, err) == (0, "")
    prompts = [line.split("  ")[0] for line in out.splitlines()]
    assert prompts[:5] == [
        "prompt",
        "strokes inside",
        "strokes outside",
        "point 4,20,15 inside",
        "point 4,20,30 outside",
    ]
    image, mask = mw.read(case / "image.nii.gz"), mw.read_labels(case / "mask.nii.gz")
    assert np.array_equal(mask.affine, image.affine)
    assert mask.array.max() == 1
    assert mask.array[strokes == 1].all()
    assert not mask.array[strokes == 2].any()
    assert not mask.array[4, 20, 30]


def test_a_later_prompt_holds(capsys: pytest.CaptureFixture[str], case: Path) -> None:
    arguments = ["--point", "4,20,15", "--point", "4,20,15:-", "--out", "mask.nii.gz", "--method", "region-growing"]
    assert run(capsys, case, "assist", "image.nii.gz", *arguments)[0] == 0
    assert not mw.read_labels(case / "mask.nii.gz").array[4, 20, 15]


def test_a_mask_that_one_edit_cuts_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    image = np.zeros((4, 6, 400), np.int16)
    image[:, 1:5, 10:370] = 100
    mw.write(mw.Volume(image, np.array(Grid.from_spacing(image.shape, SPACING).affine)), tmp_path / "long.nii.gz")
    arguments = ["assist", "long.nii.gz", "--method", "region-growing", "--out", "mask.nii.gz"]
    status, _, err = run(capsys, tmp_path, *arguments, "--point", "2,3,100")
    assert status == 0
    assert err.startswith("maskwright: point 2,3,100 inside: the mask is cut")
    assert err.count("\n") == 1
    points = [text for x in (100, 200, 330) for text in ("--point", f"2,3,{x}")]
    assert run(capsys, tmp_path, *arguments, *points)[2].count("is cut") == 2  # the last one comes to the end


def test_a_plane_without_resolution(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    image = np.zeros((40, 48), np.uint8)
    image[10:30, 12:34] = 180
    mw.write(mw.Volume(image), tmp_path / "plane.png")
    arguments = ["assist", "plane.png", "--point", "20,20", "--method", "region-growing", "--out", "mask.png"]
    status, _, err = run(capsys, tmp_path, *arguments)
    assert status == 2
    assert "--spacing-mm" in err
    status, out, _ = run(capsys, tmp_path, *arguments, "--spacing-mm", "0.5,0.5", "--picture", "shown.png")
    assert status == 0
    assert "mm²" in out
    mask = mw.read_labels(tmp_path / "mask.png")
    assert mask.spacing_mm == pytest.approx((0.5, 0.5))
    assert mask.array[20, 20] == 1
    assert not mask.array[image == 0].any()


def test_a_colour_plane(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    image = np.full((40, 48, 3), 240, np.uint8)
    image[10:30, 12:34] = (120, 40, 150)
    mw.write(mw.Volume(image, color=True), tmp_path / "plane.png")
    arguments = ["--point", "20,20", "--method", "region-growing", "--spacing-mm", "0.5,0.5", "--picture", "s.png"]
    assert run(capsys, tmp_path, "assist", "plane.png", "--out", "mask.png", *arguments)[::2] == (0, "")
    assert mw.read_labels(tmp_path / "mask.png").array[20, 20] == 1


MOVED, PLANE, EMPTY, WRONG = "moved.nii.gz", "plane.nii.gz", "empty.nii.gz", "wrong.nii.gz"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["propagate", "image.nii.gz", "gone.nii.gz"], "no such file"),
        (["propagate", "image.nii.gz", MOVED], "not on the grid of the image"),
        (["propagate", "image.nii.gz", PLANE], "not on the grid of the image"),
        (["propagate", "image.nii.gz", EMPTY], "no label"),
        (["propagate", "image.nii.gz", WRONG], "whole numbers"),
        (["propagate", "image.nii.gz", "sparse.nii.gz", "--axis", "3"], "expected 0, 1 or 2"),
        (["propagate", "image.nii.gz", "sparse.nii.gz", "--axis", "z"], "--axis"),
        (["propagate", "image.nii.gz", "sparse.nii.gz", "--given", "0,4"], "slice 8"),
        (["propagate", "image.nii.gz", "sparse.nii.gz", "--given", "0,4.5"], "--given"),
        (["propagate", "image.nii.gz", "sparse.nii.gz", "--given", ""], "--given"),
        (["propagate", "image.nii.gz", "sparse.nii.gz", "--from", "5", "--to", "5"], "half-open"),
        (["propagate", "image.nii.gz", "sparse.nii.gz", "--spacing-mm", "1,1,1"], "own spacing"),
        (["propagate", "image.nii.gz", "sparse.nii.gz", "--picture", "shown.tif"], "PNG"),
        (["assist", "image.nii.gz"], "no prompt"),
        (["assist", "gone.nii.gz", "--point", "4,20,15"], "no such file"),
        (["assist", "image.nii.gz", "--point", "4,20"], "expected 3"),
        (["assist", "image.nii.gz", "--point", "4,20,x"], "--point"),
        (["assist", "image.nii.gz", "--point", "4,20,15:"], "--point"),
        (["assist", "image.nii.gz", "--point", "4,20,44"], "outside the image"),
        (["assist", "image.nii.gz", "--point", "-1,20,4"], "outside the image"),
        (["assist", "image.nii.gz", "--box", "1,2,3"], "expected 6"),
        (["assist", "image.nii.gz", "--box", "1,2,3,1,9,9"], "empty"),
        (["assist", "image.nii.gz", "--scribble", "sparse.nii.gz"], "1 inside and 2 outside"),
        (["assist", "image.nii.gz", "--scribble", EMPTY], "no stroke"),
        (["assist", "image.nii.gz", "--scribble", MOVED], "not on the grid of the image"),
        (["assist", "image.nii.gz", "--point", "4,20,15", "--method", "magic"], "region-growing"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], case: Path, arguments: list[str], says: str
) -> None:
    affine = np.array(mw.read(case / "image.nii.gz").affine)
    moved = affine.copy()
    moved[2, 3] += 0.01
    array = mw.read_labels(case / "sparse.nii.gz").array
    mw.write(mw.LabelMap(array, moved), case / MOVED)
    mw.write(mw.LabelMap(array[:4], affine), case / PLANE)
    mw.write(mw.LabelMap(np.zeros(SHAPE, np.uint8), affine), case / EMPTY)
    mw.write(mw.Volume(array.astype(np.float32) / 2, affine), case / WRONG)
    before = sorted(path.name for path in case.iterdir())
    status, out, err = run(capsys, case, *arguments, "--out", "mask.nii.gz")
    assert (status, out) == (2, "")
    assert err.startswith("maskwright: ")
    assert says in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in case.iterdir()) == before


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("image.nii.gz", "input"),
        ("sparse.nii.gz", "input"),
        ("mask.xyz", "format"),
        ("mask.dcm", "DICOM"),
        ("no-folder/mask.nii.gz", "folder"),
    ],
)
def test_outputs_are_checked_first(capsys: pytest.CaptureFixture[str], case: Path, out: str, says: str) -> None:
    before = {path.name: path.read_bytes() for path in case.iterdir()}
    status, _, err = run(capsys, case, "propagate", "image.nii.gz", "sparse.nii.gz", "--out", out)
    assert status == 2
    assert says in err
    assert {path.name: path.read_bytes() for path in case.iterdir()} == before
