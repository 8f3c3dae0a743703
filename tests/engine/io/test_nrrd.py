"""NRRD files made by hand or by pynrrd; the expected positions are worked out from the format's definition."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import nrrd
import numpy as np
import pytest

from maskwright.engine.io import read, read_labels, write
from maskwright.engine.volume import Grid, LabelMap
from maskwright.errors import FileFormatError

VALUES = np.arange(2 * 3 * 4, dtype="<i2").reshape(4, 3, 2)  # (z, y, x): x is fastest in the file
SPACE = ["space directions: (0.5,0,0) (0,0.75,0) (0,0.3,2.5)", "space origin: (10,20,30)"]


def save(path: Path, *lines: str, data: bytes = VALUES.tobytes(), encoding: str = "raw") -> Path:
    fields = ["type: short", "dimension: 3", "sizes: 2 3 4", "endian: little", f"encoding: {encoding}"]
    given = {line.split(":")[0] for line in lines}
    fields = [field for field in fields if field.split(":")[0] not in given]
    path.write_bytes("\n".join(["NRRD0004", "# comment", *fields, *lines, "", ""]).encode() + data)
    return path


@pytest.mark.parametrize(
    ("space", "sign"),
    [
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
    ],
)
def test_spaces_are_turned_into_ras(tmp_path: Path, space: str, sign: tuple[int, ...]) -> None:
    volume = read(save(tmp_path / "a.nrrd", f"space: {space}", *SPACE))
    assert volume.affine is not None
    np.testing.assert_array_equal(volume.array, VALUES)
    assert volume.array.flags.c_contiguous
    for x, y, z in [(0, 0, 0), (1, 2, 3), (1, 0, 2)]:
        place = np.array([10 + 0.5 * x, 20 + 0.75 * y + 0.3 * z, 30 + 2.5 * z]) * sign
        np.testing.assert_allclose((volume.affine @ [z, y, x, 1])[:3], place)


def test_lps_and_ras_files_of_one_place_are_one_grid(tmp_path: Path) -> None:
    lps = read(save(tmp_path / "a.nrrd", "space: LPS", *SPACE))
    turned = ["space directions: (-0.5,0,0) (0,-0.75,0) (0,-0.3,2.5)", "space origin: (-10,-20,30)"]
    ras = read(save(tmp_path / "b.nrrd", "space: RAS", *turned))
    assert lps.grid.is_same(ras.grid)


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", ""])
def test_spaces_that_are_not_the_patients_are_refused(tmp_path: Path, space: str) -> None:
    lines = [f"space: {space}"] if space else ["space dimension: 3"]
    with pytest.raises(FileFormatError, match="expected the space LPS, RAS or LAS"):
        read(save(tmp_path / "a.nrrd", *lines, *SPACE))


@pytest.mark.parametrize("encoding", ["raw", "gzip", "gz", "bzip2"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    data = {"raw": bytes, "gzip": gzip.compress, "gz": gzip.compress, "bzip2": bz2.compress}[encoding](VALUES.tobytes())
    np.testing.assert_array_equal(read(save(tmp_path / "a.nrrd", data=data, encoding=encoding)).array, VALUES)
    path = save(tmp_path / "b.nrrd", data=data[: len(data) // 2], encoding=encoding)
    with pytest.raises(FileFormatError):
        read(path)


def test_spacings_alone(tmp_path: Path) -> None:
    volume = read(save(tmp_path / "a.nrrd", "spacings: 0.5 0.75 2.5"))
    np.testing.assert_array_equal(volume.affine, Grid.from_spacing((4, 3, 2), (2.5, 0.75, 0.5)).affine)
    assert read(save(tmp_path / "b.nrrd", "spacings: 0.5 0.75 2.5", 'units: "um" "um" "um"')).spacing_mm == (
        0.0025,
        0.00075,
        0.0005,
    )
    assert read(save(tmp_path / "c.nrrd")).spacing_mm is None
    assert read(save(tmp_path / "d.nrrd", "spacings: 0.5 0.75 NaN")).spacing_mm is None


def test_space_units(tmp_path: Path) -> None:
    volume = read(save(tmp_path / "a.nrrd", "space: RAS", *SPACE, 'space units: "cm" "cm" "cm"'))
    assert volume.affine is not None
    np.testing.assert_allclose(volume.affine[:3], [[0, 0, 5, 100], [3, 7.5, 0, 200], [25, 0, 0, 300]])
    with pytest.raises(FileFormatError, match="unit of space"):
        read(save(tmp_path / "b.nrrd", "space: RAS", *SPACE, 'space units: "furlong" "cm" "cm"'))


def test_planes(tmp_path: Path) -> None:
    plane = ["dimension: 2", "sizes: 2 3"]
    data = VALUES[0].tobytes()
    placed = read(
        save(tmp_path / "a.nrrd", *plane, "space: LPS", "space directions: (0,0,0.5) (0.75,0,0)", SPACE[1], data=data)
    )
    assert placed.affine is not None
    np.testing.assert_array_equal(placed.array, VALUES[0])
    np.testing.assert_allclose((placed.affine @ [2, 1, 1])[:3], [-(10 + 0.75 * 2), -20, 30 + 0.5])
    redact_paths = ["space dimension: 2", "space directions: (0.5,0) (0,0.75)", "space origin: (1,2)"]
    flat = read(save(tmp_path / "b.nrrd", *plane, *redact_paths, data=data))
    # ITK's coordinates are LPS, also in two dimensions.
    np.testing.assert_allclose(flat.affine, [[0, -0.5, -1], [-0.75, 0, -2], [0, 0, 0], [0, 0, 1]])


def test_one_value_a_voxel(tmp_path: Path) -> None:
    four = ["dimension: 4", "kinds: list domain domain domain", "space: LPS"]
    directions = "space directions: none (0.5,0,0) (0,0.75,0) (0,0,2.5)"
    volume = read(save(tmp_path / "a.nrrd", *four, "sizes: 1 2 3 4", directions))
    np.testing.assert_array_equal(volume.array, VALUES)
    assert volume.spacing_mm == (2.5, 0.75, 0.5)
    with pytest.raises(FileFormatError, match="overlapping segments"):
        read_labels(save(tmp_path / "b.seg.nrrd", *four, "sizes: 2 2 3 2", directions))
    with pytest.raises(FileFormatError, match="2 values a voxel"):
        read(save(tmp_path / "c.nrrd", *four[:2], "sizes: 2 2 3 2"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("data file: other.raw", "another file"),
        ("byte skip: 4", "skipped"),
        ("encoding: ascii", "encodings raw, gzip and bzip2"),
        ("type: block", "integer or float"),
        ("sizes: 2 3", "do not make an array"),
        ("sizes: 2 3 0", "do not make an array"),
        ("sizes: 20000 30000 40000", "promises 48000000000000 bytes"),
        ("sizes: 2 3 5", "promises 60 bytes|ends early"),
        ("endian: middle", "cannot be read as NRRD"),
    ],
)
def test_what_is_not_read_is_refused(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        read(save(tmp_path / "a.nrrd", line))


def test_pynrrd_reads_what_we_write_and_the_space_is_kept(tmp_path: Path) -> None:
    source = read(save(tmp_path / "a.nrrd", "space: RAS", "space directions: (0.5,0,0) (0,0.75,0) (0,0,2.5)", SPACE[1]))
    write(source, tmp_path / "b.nrrd")
    values, header = nrrd.read(str(tmp_path / "b.nrrd"))
    np.testing.assert_array_equal(values, VALUES.T)
    assert header["space"] == "ras"
    np.testing.assert_array_equal(header["space directions"], np.diag([0.5, 0.75, 2.5]))
    np.testing.assert_array_equal(header["space origin"], [10, 20, 30])
    write(LabelMap(VALUES, source.affine), tmp_path / "c.nrrd")
    header = nrrd.read_header(str(tmp_path / "c.nrrd"))
    assert header["space"] == "left-posterior-superior"
    np.testing.assert_array_equal(header["space origin"], [-10, -20, 30])


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_types_of_pynrrd(tmp_path: Path, kind: str) -> None:
    values = np.arange(24, dtype=kind).reshape(2, 3, 4)
    nrrd.write(str(tmp_path / "a.nrrd"), values, index_order="C")
    volume = read(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(volume.array, values)
    assert volume.array.dtype == np.dtype(kind)


def test_big_endian(tmp_path: Path) -> None:
    volume = read(save(tmp_path / "a.nrrd", "endian: big", data=VALUES.astype(">i2").tobytes()))
    np.testing.assert_array_equal(volume.array, VALUES)
    assert volume.array.dtype.isnative
