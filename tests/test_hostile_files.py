"""Files that are cut off, empty, of another kind, damaged or of another grid: one line each, never a traceback.

Many damaged files go through the reader itself, where the type of the error is seen, and some of each kind through
the command line. A damaged bit can leave a file that is still valid: then it is read.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from maskwright.cli import main
from maskwright.engine.io import read, read_labels, write
from maskwright.engine.volume import Grid, LabelMap, Volume
from maskwright.errors import FileFormatError, MaskwrightError

ENDINGS = [".nii", ".nii.gz", ".nrrd", ".png", ".tif", ".zarr", ".dcm"]
SECRET = "DOE^JANE"


def _labels(ending: str) -> LabelMap:
    shape = (24, 20) if ending == ".png" else (6, 24, 20)
    array = np.zeros(shape, np.uint16)
    array[..., 4:15, 3:12] = 1
    array[..., 8:12, 12:18] = 300
    return LabelMap(array, Grid.from_spacing(shape, (2.5, 0.8, 0.7)[-len(shape) :]).affine)


def _dicom(path: Path) -> None:
    """Write one secondary capture of labels that names a patient."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    pixels = _labels(".png").array
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid(entropy_srcs=["one"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
    dataset.PatientName, dataset.PatientID = SECRET, "12345"
    dataset.PixelSpacing = [0.8, 0.7]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One good file of every kind."""
    folder = tmp_path_factory.mktemp("good")
    for ending in ENDINGS:
        if ending == ".dcm":
            _dicom(folder / "mask.dcm")
        else:
            write(_labels(ending), folder / f"mask{ending}")
    return {ending: folder / f"mask{ending}" for ending in ENDINGS}


def _cut(rng: np.random.Generator, raw: bytes) -> bytes:
    return raw[: rng.integers(0, len(raw))]


def _flip(rng: np.random.Generator, raw: bytes) -> bytes:
    damaged = bytearray(raw)
    for _ in range(rng.integers(1, 4)):
        damaged[rng.integers(0, len(raw))] ^= 1 << rng.integers(0, 8)
    return bytes(damaged)


def _flip_start(rng: np.random.Generator, raw: bytes) -> bytes:
    return _flip(rng, raw[:400]) + raw[400:]


def _noise(rng: np.random.Generator, raw: bytes) -> bytes:
    at = rng.integers(0, len(raw))
    return raw[:at] + rng.bytes(rng.integers(1, 64)) + raw[at + 16 :]


DAMAGES: list[Callable[[np.random.Generator, bytes], bytes]] = [_cut, _flip, _flip_start, _noise]


def _damaged_copy(rng: np.random.Generator, source: Path, target: Path, number: int) -> None:
    """Copy a file or folder and damage one file of it."""
    if target.exists():
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    if source.is_dir():
        shutil.copytree(source, target)
        files = sorted(file for file in target.rglob("*") if file.is_file())
        victim = files[rng.integers(0, len(files))]
        victim.write_bytes(DAMAGES[number % len(DAMAGES)](rng, victim.read_bytes()))
    else:
        target.write_bytes(DAMAGES[number % len(DAMAGES)](rng, source.read_bytes()))


def _require_one_line(message: str, path: Path) -> None:
    assert len(message.splitlines()) == 1, message
    assert str(path) in message
    assert SECRET not in message
    assert "12345" not in message


@pytest.mark.parametrize("ending", ENDINGS)
def test_damaged_files_raise_errors_of_ours_and_say_nothing_else(
    good: dict[str, Path],
    tmp_path: Path,
    ending: str,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    rng = np.random.default_rng(2)
    path, refused = tmp_path / f"mask{ending}", 0
    for number in range(160):
        _damaged_copy(rng, good[ending], path, number)
        before = sorted(tmp_path.rglob("*"))
        for reader in (read_labels, read):
            try:
                assert isinstance(reader(path), LabelMap | Volume)
            except MaskwrightError as error:
                refused += 1
                _require_one_line(str(error), path)
        assert sorted(tmp_path.rglob("*")) == before
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
    assert refused > 40  # the cuts alone are a quarter of 320


@pytest.mark.parametrize("ending", ENDINGS)
def test_damaged_files_at_the_command_line(
    good: dict[str, Path], tmp_path: Path, ending: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(3)
    path = tmp_path / f"mask{ending}"
    for number in range(8):
        _damaged_copy(rng, good[ending], path, number)
        before = sorted(tmp_path.rglob("*"))
        pair = [str(path), str(good[ending])]
        status = main(["compare", *(pair if number % 2 else reversed(pair)), "--format", "json"])
        out, err = capfd.readouterr()
        assert status in (0, 2)
        assert SECRET not in out + err
        assert "Traceback" not in out + err
        if status == 2:
            assert len(err.splitlines()) == 1, err
            assert not out
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending != ".zarr"])
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"case,reference\n1,2\n" * 30, b"\x1f\x8b" + bytes(600), b"<html></html>"]
)
def test_other_content_under_the_name(
    good: dict[str, Path], tmp_path: Path, ending: str, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"mask{ending}"
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        read_labels(path)
    _require_one_line(str(caught.value), path)
    assert main(["compare", str(good[ending]), str(path)]) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [path]


# Not .zarr, which is a folder, nor .nii and .nii.gz, which are told by their content.
SWAPS = [
    pair
    for pair in itertools.permutations([ending for ending in ENDINGS if ending != ".zarr"], 2)
    if set(pair) != {".nii", ".nii.gz"}
]


@pytest.mark.parametrize(("ending", "other"), SWAPS)
def test_one_kind_under_the_name_of_another(good: dict[str, Path], tmp_path: Path, ending: str, other: str) -> None:
    path = tmp_path / f"mask{ending}"
    shutil.copy(good[other], path)
    with pytest.raises(FileFormatError) as caught:
        read_labels(path)
    _require_one_line(str(caught.value), path)


def _mismatched() -> dict[str, LabelMap | Volume]:
    labels = _labels(".nii.gz")
    assert labels.affine is not None
    shifted, sheared = labels.affine.copy(), labels.affine.copy()
    shifted[:, 3] += labels.affine[:, 1] * 0.5
    sheared[0, 0] = 0.9
    return {
        "shape": LabelMap(labels.array[:-1], labels.affine),
        "plane": LabelMap(labels.array[0], labels.affine[:, 1:]),
        "shift": LabelMap(labels.array, shifted),
        "shear": LabelMap(labels.array, sheared),
        "negative": Volume(labels.array.astype(np.int16) - 1, labels.affine),
        "fraction": Volume(labels.array / np.float32(7), labels.affine),
        "nan": Volume(np.full(labels.array.shape, np.nan, np.float32), labels.affine),
    }


@pytest.mark.parametrize("name", _mismatched())
def test_files_that_do_not_fit(
    good: dict[str, Path], tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.nii.gz"
    write(_mismatched()[name], path)
    for pair in ([str(good[".nii.gz"]), str(path)], [str(path), str(good[".nii.gz"])], [str(path), str(path)]):
        if pair[0] == pair[1] and name in ("shape", "plane", "shift"):
            continue
        assert main(["compare", *pair]) == 2
        out, err = capfd.readouterr()
        assert not out
        assert len(err.splitlines()) == 1, err
    assert list(tmp_path.iterdir()) == [path]


def test_pairs_that_cannot_be_compared(
    good: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare.png"
    write(LabelMap(_labels(".png").array), bare)
    (tmp_path / "empty").mkdir()
    volume = str(good[".nii.gz"])
    cases = [
        [volume, str(tmp_path / "missing.nii.gz")],
        [volume, str(tmp_path / "empty")],
        [volume, str(tmp_path)],
        [volume, str(bare)],
        [str(bare), str(bare)],  # no spacing, and distances need one
        [volume, volume, "--spacing-mm", "1,1,1"],  # the file says otherwise
        [str(bare), str(bare), "--spacing-mm", "1,1,1"],
        [volume, "/dev/null"],
    ]
    for arguments in cases:
        assert main(["compare", *arguments]) == 2, arguments
        out, err = capfd.readouterr()
        assert not out
        assert len(err.splitlines()) == 1, err
    assert main(["compare", str(bare), str(bare), "--spacing-mm", "1,1"]) == 0


def test_a_process_of_its_own(good: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(good[".nii.gz"].read_bytes()[:-30])
    for name in (path, tmp_path / "missing.dcm"):
        run = subprocess.run(
            [sys.executable, "-m", "maskwright.cli", "compare", str(good[".nii.gz"]), str(name)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 2
        assert run.stdout == ""
        assert len(run.stderr.splitlines()) == 1
        assert str(name) in run.stderr
        assert "Traceback" not in run.stderr
    assert list(tmp_path.iterdir()) == [path]
