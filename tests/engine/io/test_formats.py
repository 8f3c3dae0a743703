"""What holds for every format in the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskwright.engine.io import read, read_labels, write
from maskwright.engine.io.formats import (
    FORMATS,
    REFUSED,
    STORED_LABEL_SUFFIXES,
    UPLOAD_SUFFIXES,
    WRITABLE_MASK_SUFFIXES,
    suffix_of,
)
from maskwright.engine.volume import Grid, LabelMap, Volume
from maskwright.errors import FileFormatError, GeometryError, InputError, LabelError, StorageError

SUFFIXES = [ending for kind in FORMATS if kind.write is not None for ending in kind.suffixes]
TYPES = {"u1": 200, "u2": 300, "u4": 70000}
SHAPES = [(5, 7), (4, 5, 7), (1, 5, 7)]
PLANES_ONLY = {".png"}
NEEDS_SPACING = {".nii", ".nii.gz"}


def placed(shape: tuple[int, ...]) -> np.ndarray:
    """Return an affine with flips, another axis order and an oblique turn, its numbers exact in float32."""
    affine = np.array([[0, 0.5, 0, 12.5], [0, 0, -0.75, -20.25], [2.5, 0, 0, 31.75], [0, 0, 0, 1]])
    return affine if len(shape) == 3 else affine[:, 1:]


def turned(shape: tuple[int, ...]) -> np.ndarray:
    turn = np.eye(4)
    turn[:3, :3] = np.linalg.qr(np.random.default_rng(7).normal(size=(3, 3)))[0]
    return np.asarray(turn @ placed(shape))


def make(shape: tuple[int, ...], kind: str) -> np.ndarray:
    return np.random.default_rng(0).integers(0, TYPES[kind] + 1, shape).astype(kind) | np.array(TYPES[kind], kind)


def holds(ending: str, shape: tuple[int, ...], kind: str) -> bool:
    return ending not in PLANES_ONLY or (len(shape) == 2 and kind != "u4")


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ending", SUFFIXES)
def test_labels_round_trip(tmp_path: Path, ending: str, shape: tuple[int, ...], kind: str) -> None:
    labels = LabelMap(make(shape, kind), placed(shape))
    path = tmp_path / f"mask{ending}"
    if not holds(ending, shape, kind):
        with pytest.raises(InputError, match="holds one plane of uint8 or uint16"):
            write(labels, path)
        assert not list(tmp_path.iterdir())
        return
    write(labels, path)
    again = read_labels(path)
    np.testing.assert_array_equal(again.array, labels.array)
    assert again.array.dtype == np.dtype(kind)
    assert again.array.flags.c_contiguous
    np.testing.assert_allclose(again.affine, labels.affine, rtol=0, atol=1e-6)
    assert again.source is not None
    assert again.source.path == path
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", SUFFIXES)
def test_oblique_affines_round_trip(tmp_path: Path, ending: str) -> None:
    shape = (5, 7) if ending in PLANES_ONLY else (4, 5, 7)
    labels = LabelMap(make(shape, "u1"), turned(shape))
    write(labels, tmp_path / f"mask{ending}")
    # NIfTI-1 stores float32: 1e-6 of the largest number, which is about 40 mm here.
    np.testing.assert_allclose(read(tmp_path / f"mask{ending}").affine, labels.affine, rtol=0, atol=4e-6)


@pytest.mark.parametrize("ending", SUFFIXES)
def test_strided_and_swapped_arrays_round_trip(tmp_path: Path, ending: str) -> None:
    array = np.arange(35, dtype=">u2").reshape(5, 7) * 100
    for number, view in enumerate([array.T, array[::-1, ::2], np.asfortranarray(array)]):
        path = tmp_path / f"{number}{ending}"
        write(LabelMap(view, Grid.from_spacing(view.shape, (0.5, 0.7)).affine), path)
        np.testing.assert_array_equal(read_labels(path).array, view)


@pytest.mark.parametrize("ending", SUFFIXES)
@pytest.mark.parametrize("kind", ["bool", "u1", "i2", "u2", "f4", "f8", "i4", "i8"])
def test_images_round_trip(tmp_path: Path, ending: str, kind: str) -> None:
    image = Volume((np.arange(35).reshape(5, 7) % 2).astype(kind), placed((5, 7)))
    path = tmp_path / f"image{ending}"
    if ending in PLANES_ONLY and kind not in ("bool", "u1", "u2"):
        with pytest.raises(InputError):
            write(image, path)
        return
    write(image, path)
    again = read(path)
    np.testing.assert_array_equal(again.array, image.array)
    assert again.array.dtype in (image.array.dtype, np.uint8)  # bool is stored as uint8 where a format has none
    assert not again.color


@pytest.mark.parametrize("ending", SUFFIXES)
def test_colour_is_kept_or_refused(tmp_path: Path, ending: str) -> None:
    image = Volume(np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8), placed((5, 7)), color=True)
    path = tmp_path / f"image{ending}"
    if not next(kind for kind in FORMATS if ending in kind.suffixes).color:
        with pytest.raises(InputError, match="no colour"):
            write(image, path)
        return
    write(image, path)
    again = read(path)
    assert again.color
    np.testing.assert_array_equal(again.array, image.array)
    np.testing.assert_allclose(again.affine, image.affine, atol=1e-6)
    with pytest.raises(LabelError, match="colour image holds no labels"):
        read_labels(path)


@pytest.mark.parametrize("ending", SUFFIXES)
def test_an_unknown_spacing_stays_unknown_until_given(tmp_path: Path, ending: str) -> None:
    bare, path = LabelMap(make((5, 7), "u1")), tmp_path / f"mask{ending}"
    if ending in NEEDS_SPACING:
        with pytest.raises(GeometryError, match="--spacing-mm"):
            write(bare, path)
        return
    write(bare, path)
    assert read_labels(path).spacing_mm is None
    assert read_labels(path, spacing_mm=(0.8, 0.6)).spacing_mm == (0.8, 0.6)
    with pytest.raises(GeometryError, match="2 finite positive numbers"):
        read_labels(path, spacing_mm=(1, 0.8, 0.6))


@pytest.mark.parametrize("ending", SUFFIXES)
def test_a_spacing_that_contradicts_the_file_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"mask{ending}"
    write(LabelMap(make((5, 7), "u1"), placed((5, 7))), path)
    assert read(path, spacing_mm=(0.5, 0.75)).spacing_mm == (0.5, 0.75)
    assert read(path, spacing_mm=(0.50004, 0.75)).spacing_mm == (0.5, 0.75)  # rounded by hand
    with pytest.raises(
        GeometryError, match=r"own spacing is \(0\.5, 0\.75\) mm and \(0\.5, 0\.8\) was given"
    ) as caught:
        read(path, spacing_mm=(0.5, 0.8))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("ending", [ending for ending in SUFFIXES if ending not in PLANES_ONLY])
def test_labels_that_are_none_are_refused_with_the_path(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"image{ending}"
    write(Volume(np.full((5, 7), -3, np.int16), placed((5, 7))), path)
    with pytest.raises(LabelError, match="got -3") as caught:
        read_labels(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("ending", SUFFIXES)
def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, shape = tmp_path / f"mask{ending}", (40, 50)
    first = LabelMap(make(shape, "u1"), placed(shape))
    write(first, path)
    write(LabelMap(first.array // 2, placed(shape)), path)
    np.testing.assert_array_equal(read_labels(path).array, first.array // 2)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(StorageError, match=r"cannot be written \(No space left on device\)"):
        write(first, path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    np.testing.assert_array_equal(read_labels(path).array, first.array // 2)


@pytest.mark.parametrize("ending", [*SUFFIXES, ".dcm", ""])
def test_bad_paths_are_one_line_with_the_path_as_given(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"empty{ending}").write_bytes(b"")
    (tmp_path / f"text{ending}").write_text("case,reference\n1,2\n" * 100)
    (tmp_path / f"folder{ending}").mkdir()
    (tmp_path / f"loop{ending}").mkdir()
    (tmp_path / f"loop{ending}" / "itself").symlink_to(tmp_path / f"loop{ending}")
    for name in (f"missing{ending}", f"empty{ending}", f"text{ending}", f"folder{ending}", f"loop{ending}"):
        for path in (name, str(tmp_path / name)):
            with pytest.raises(FileFormatError) as caught:
                read_labels(path)
            message = str(caught.value)
            assert message.startswith(f"{path}: ")
            assert "\n" not in message
            assert len(message) - len(path) < 200


def test_odd_names(tmp_path: Path) -> None:
    for path in ("a\nb.nii", "a\0b.nii", "x" * 5000 + ".nii", ""):
        with pytest.raises(FileFormatError) as caught:
            read(path)
        assert "\n" not in str(caught.value)
    path = tmp_path / "two\nlines.nii"
    path.write_bytes(b"")
    with pytest.raises(FileFormatError) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("endings", REFUSED)
def test_formats_refused_by_name_say_what_to_do(tmp_path: Path, endings: tuple[str, ...]) -> None:
    for ending in endings:
        path = tmp_path / f"mask{ending}"
        if ending != ".dcm":
            path.write_bytes(b"x" * 400)
            with pytest.raises(FileFormatError, match=r"(?i)not supported|load the array"):
                read_labels(path)
            path.unlink()
        with pytest.raises(FileFormatError, match=r"not supported|write_dicom_seg|load the array"):
            write(LabelMap(np.zeros((2, 2))), path)


def test_unknown_names_list_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"\.nii\.gz, \.nii, \.nrrd"):
        write(LabelMap(np.zeros((2, 2))), tmp_path / "mask.xyz")
    with pytest.raises(FileFormatError, match="folder to write to does not exist"):
        write(LabelMap(np.zeros((2, 2))), tmp_path / "missing" / "mask.png")


def test_suffixes_in_capitals(tmp_path: Path) -> None:
    labels = LabelMap(make((5, 7), "u1"), placed((5, 7)))
    for ending in SUFFIXES:
        write(labels, tmp_path / f"MASK{ending.upper()}")
        np.testing.assert_array_equal(read_labels(tmp_path / f"MASK{ending.upper()}").array, labels.array)


def test_too_little_memory_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nii"
    write(LabelMap(np.ones((2, 3, 4), np.uint8), np.eye(4)), path)

    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("maskwright.engine.io.nifti.read_voxels", fails)
    with pytest.raises(FileFormatError, match="too little free memory"):
        read_labels(path)


def test_the_service_knows_the_suffixes_of_the_table() -> None:
    assert {".nii.gz", ".nii", ".nrrd", ".png", ".tiff", ".tif", ".dcm"} <= set(UPLOAD_SUFFIXES)
    assert {".nii.gz", ".nrrd", ".seg.dcm"} <= set(STORED_LABEL_SUFFIXES)
    assert {".nii.gz", ".nii", ".nrrd"} <= set(WRITABLE_MASK_SUFFIXES)
    assert ".zarr" not in UPLOAD_SUFFIXES
    for suffixes in (UPLOAD_SUFFIXES, STORED_LABEL_SUFFIXES, WRITABLE_MASK_SUFFIXES):
        for number, suffix in enumerate(suffixes):  # the longer one first, or it would never be found
            assert suffix_of(f"a{suffix.upper()}", suffixes[: number + 1]) == suffix
    assert suffix_of("a.txt", UPLOAD_SUFFIXES) is None
