"""NIfTI files against nibabel, and the rules that nibabel leaves to its caller."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.engine.io import read, read_labels, write
from maskwright.engine.io.nifti_header import affine_of, new_header, parse_header
from maskwright.engine.volume import Grid, LabelMap, Volume
from maskwright.errors import FileFormatError, GeometryError, LabelError

AFFINE = np.array([[-0.5, 0, 0, 12.5], [0, 0.75, 0, -20.25], [0, 0, 2.5, 31.75], [0, 0, 0, 1]])


def save(path: Path, image: Any) -> Path:
    nib.save(image, path)
    return path


def turn(seed: int) -> np.ndarray:
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return np.asarray(rotation * np.sign(np.linalg.det(rotation)))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("version", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_voxel_and_its_place_agree_with_nibabel(tmp_path: Path, ending: str, version: Any, kind: str) -> None:
    values = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(kind)
    image = version(values, AFFINE, dtype=values.dtype)
    volume = read(save(tmp_path / f"a{ending}", image))
    assert volume.array.dtype == np.dtype(kind)
    assert volume.array.flags.c_contiguous
    assert volume.affine is not None
    for i, j, k in [(0, 0, 0), (3, 4, 5), (1, 2, 3), (3, 0, 1)]:
        assert volume.array[k, j, i] == values[i, j, k]
        np.testing.assert_allclose(volume.affine @ [k, j, i, 1], image.affine @ [i, j, k, 1])


@given(st.integers(0, 2**32), st.sampled_from([0, 1, 2, 4]), st.sampled_from([0, 1, 2, 4]), st.booleans())
@settings(max_examples=200)
def test_affine_agrees_with_nibabel_for_every_pair_of_codes(seed: int, sform: int, qform: int, left: bool) -> None:
    rng = np.random.default_rng(seed)
    header = nib.Nifti1Header()
    header.set_data_shape((4, 5, 6))
    matrix = np.eye(4)
    matrix[:3, :3] = turn(seed) * rng.uniform(0.2, 4, 3) * ([1, 1, -1] if left else [1, 1, 1])
    matrix[:3, 3] = rng.uniform(-200, 200, 3)
    header.set_qform(matrix, qform)
    header.set_sform([*rng.normal(size=(3, 4)).tolist(), [0, 0, 0, 1]], sform)
    ours = affine_of(parse_header(header.binaryblock + bytes(200)))
    if sform or qform:
        np.testing.assert_allclose(ours, header.get_best_affine(), atol=1e-6)
    else:
        np.testing.assert_allclose(ours, np.diag([*header.get_zooms(), 1.0]))


@pytest.mark.parametrize("angle", [0.0, np.pi, np.pi - 1e-4])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_quaternions_near_half_a_turn(angle: float, axis: int) -> None:
    header = nib.Nifti1Header()
    header.set_data_shape((4, 5, 6))
    matrix = np.eye(4)
    rows = [row for row in range(3) if row != axis]
    matrix[np.ix_(rows, rows)] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    header.set_qform(matrix, 1)
    np.testing.assert_allclose(affine_of(parse_header(header.binaryblock + bytes(200))), matrix, atol=2e-4)


def test_sform_comes_before_qform(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.uint8), AFFINE)
    other = AFFINE.copy()
    other[:3, 3] += 50
    image.set_sform(AFFINE, 1)
    image.set_qform(other, 1)
    affine = read(save(tmp_path / "a.nii", image)).affine
    assert affine is not None
    np.testing.assert_allclose(affine[:, 3], AFFINE[:, 3])
    image.set_sform(AFFINE, 0)
    affine = read(save(tmp_path / "b.nii", image)).affine
    assert affine is not None
    np.testing.assert_allclose(affine[:, 3], other[:, 3])


def test_both_codes_0_give_the_spacing_alone(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.uint8), None)
    image.header.set_zooms((0.5, 0.75, 2.5))
    volume = read(save(tmp_path / "a.nii", image))
    np.testing.assert_allclose(volume.affine, Grid.from_spacing((6, 5, 4), (2.5, 0.75, 0.5)).affine)
    write(volume, tmp_path / "b.nii")
    again = nib.load(tmp_path / "b.nii").header
    assert (again["sform_code"], again["qform_code"]) == (0, 0)
    image.header["pixdim"][1:4] = 0
    volume = read(save(tmp_path / "c.nii", image))
    assert volume.spacing_mm is None
    assert read(tmp_path / "c.nii", spacing_mm=(2.5, 0.75, 0.5)).spacing_mm == (2.5, 0.75, 0.5)


@pytest.mark.parametrize(("unit", "mm"), [("meter", 1000.0), ("mm", 1.0), ("micron", 0.001), ("unknown", 1.0)])
def test_units_are_honoured_and_kept(tmp_path: Path, unit: str, mm: float) -> None:
    image = nib.Nifti1Image(np.arange(120, dtype=np.uint8).reshape(4, 5, 6), AFFINE)
    image.header.set_xyzt_units(unit, "sec")
    volume = read(save(tmp_path / "a.nii", image))
    assert volume.spacing_mm == pytest.approx((2.5 * mm, 0.75 * mm, 0.5 * mm))
    write(volume, tmp_path / "b.nii")
    again = nib.load(tmp_path / "b.nii")
    assert again.header.get_xyzt_units() == (unit, "sec")
    np.testing.assert_array_equal(again.affine, image.affine)
    assert volume.affine is not None
    moved = volume.affine.copy()
    moved[0, 3] += mm
    write(Volume(volume.array, moved, volume.source), tmp_path / "c.nii")
    np.testing.assert_allclose(nib.load(tmp_path / "c.nii").affine[0, 3], AFFINE[0, 3] + 1)


def test_unknown_unit_is_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.uint8), AFFINE)
    save(tmp_path / "a.nii", image)
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[123] = 5
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.raises(FileFormatError, match="spatial unit 5"):
        read(tmp_path / "a.nii")


def test_geometry_of_the_source_is_kept_and_free_text_is_not(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.random.default_rng(0).integers(0, 9, (4, 5, 6)).astype(np.int16), AFFINE)
    image.header["descrip"], image.header["aux_file"], image.header["intent_name"] = b"DOE^JANE", b"JANE", b"JANE"
    image.header["db_name"] = b"JANE"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"DOE^JANE"))
    image.header["cal_max"] = 4
    image.set_qform(AFFINE, 3)
    image.set_sform(AFFINE, 4)
    source = read(save(tmp_path / "a.nii.gz", image))
    labels = LabelMap(source.array == 3, source.affine, source.source)
    write(labels, tmp_path / "b.nii.gz")
    again = nib.load(tmp_path / "b.nii.gz")
    assert (again.header["qform_code"], again.header["sform_code"]) == (3, 4)
    np.testing.assert_array_equal(again.affine, image.affine)
    np.testing.assert_array_equal(again.get_qform(), image.get_qform())
    assert b"JANE" not in gzip.decompress((tmp_path / "b.nii.gz").read_bytes())
    assert "JANE" not in repr(labels)


def test_trivial_scaling_keeps_the_type_and_other_scaling_is_applied(tmp_path: Path) -> None:
    values = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    image = nib.Nifti1Image(values, AFFINE)
    for slope, inter, expected, kind in [
        (1.0, 0.0, values, np.int16),
        (0.0, 7.0, values, np.int16),  # a slope of 0 means: not scaled
        (np.nan, 0.0, values, np.int16),
        (2.0, -24.0, values * 2.0 - 24, np.float32),
    ]:
        save(tmp_path / "a.nii", image)
        raw = bytearray((tmp_path / "a.nii").read_bytes())
        raw[112:120] = np.array([slope, inter], "<f4").tobytes()
        (tmp_path / "a.nii").write_bytes(raw)
        volume = read(tmp_path / "a.nii")
        np.testing.assert_array_equal(volume.array, np.transpose(expected, (2, 1, 0)))
        assert volume.array.dtype == kind


def test_labels_by_whole_scaling_are_taken_and_by_other_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.array([[[0, 1, 2]]], np.float64) * 2, AFFINE)
    assert read_labels(save(tmp_path / "a.nii", image)).array.dtype == np.uint8
    image = nib.Nifti1Image(np.array([[[0, 1.0, 2.5]]], np.float32), AFFINE)
    with pytest.raises(LabelError, match=r"got 2\.5 at index \(2, 0, 0\)"):
        read_labels(save(tmp_path / "b.nii", image))


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_orders(tmp_path: Path, order: str) -> None:
    header = nib.Nifti1Header(endianness=order)
    values = np.arange(120, dtype=f"{order}i4").reshape(4, 5, 6) * 1000
    header.set_data_dtype(values.dtype)
    volume = read(save(tmp_path / "a.nii.gz", nib.Nifti1Image(values, AFFINE, header)))
    np.testing.assert_array_equal(volume.array, values.transpose(2, 1, 0))
    assert volume.array.dtype.isnative


def test_4d_is_refused_by_name_and_trailing_ones_are_fine(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="4-D NIfTI of 4 x 5 x 6 x 2 is not supported"):
        read(save(tmp_path / "a.nii", nib.Nifti1Image(np.zeros((4, 5, 6, 2), np.uint8), AFFINE)))
    assert read(save(tmp_path / "b.nii", nib.Nifti1Image(np.zeros((4, 5, 6, 1, 1), np.uint8), AFFINE))).array.ndim == 3


def test_planes_keep_their_place(tmp_path: Path) -> None:
    values = np.arange(20, dtype=np.uint8).reshape(4, 5)
    image = nib.Nifti1Image(values, AFFINE)
    plane = read(save(tmp_path / "a.nii", image))
    assert plane.affine is not None
    np.testing.assert_array_equal(plane.array, values.T)
    np.testing.assert_allclose(plane.affine @ [3, 2, 1], AFFINE @ [2, 3, 0, 1])
    write(plane, tmp_path / "b.nii")
    again = nib.load(tmp_path / "b.nii")
    assert again.shape == (4, 5)
    np.testing.assert_array_equal(again.affine, image.affine)
    thick = nib.Nifti1Image(values[..., None], AFFINE)
    assert read(save(tmp_path / "c.nii", thick)).array.shape == (1, 5, 4)


@pytest.mark.parametrize("kind", [np.complex64, [("R", "u1"), ("G", "u1"), ("B", "u1")]])
def test_voxels_that_are_no_real_numbers(tmp_path: Path, kind: Any) -> None:
    with pytest.raises(FileFormatError, match="data type"):
        read(save(tmp_path / "a.nii", nib.Nifti1Image(np.zeros((2, 2, 2), kind), AFFINE)))


def test_header_without_voxels_is_refused_by_name(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(np.zeros((2, 2, 2), np.uint8), AFFINE), tmp_path / "a.hdr")
    (tmp_path / "a.hdr").rename(tmp_path / "a.nii")
    with pytest.raises(FileFormatError, match="voxels are in another file"):
        read(tmp_path / "a.nii")


def test_names_do_not_decide_about_compression(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.ones((4, 5, 6), np.uint8), AFFINE)
    save(tmp_path / "a.nii", image).rename(tmp_path / "plain.nii.gz")
    save(tmp_path / "b.nii.gz", image).rename(tmp_path / "packed.nii")
    assert read(tmp_path / "plain.nii.gz").array.all()
    assert read(tmp_path / "packed.nii").array.all()


def test_promises_that_the_file_cannot_hold_allocate_nothing(tmp_path: Path) -> None:
    header = new_header((30000, 30000, 30000), np.dtype("u1"), np.eye(4))
    for name, raw in (
        ("a.nii", header.binaryblock + bytes(100)),
        ("b.nii.gz", gzip.compress(header.binaryblock + bytes(100))),
    ):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(FileFormatError, match="promises 27000000000000 bytes"):
            read(tmp_path / name)


@pytest.mark.parametrize("keep", [0, 1, 10, 100, 348, 352, 400, 0.5, 0.9, -8, -4, -1])
def test_truncated_files(tmp_path: Path, keep: float) -> None:
    image = nib.Nifti1Image(np.random.default_rng(0).integers(0, 255, (10, 11, 12)).astype(np.uint8), AFFINE)
    for ending in (".nii", ".nii.gz"):
        path = save(tmp_path / f"a{ending}", image)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
        with pytest.raises(FileFormatError):
            read(path)


def test_gzip_in_several_members_and_with_padding(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.random.default_rng(0).integers(0, 255, (10, 11, 12)).astype(np.uint8), AFFINE)
    raw = save(tmp_path / "a.nii", image).read_bytes()
    parts = b"".join(gzip.compress(raw[at : at + 300]) for at in range(0, len(raw), 300))  # as bgzip writes
    for ending in (b"", bytes(512)):
        (tmp_path / "b.nii.gz").write_bytes(parts + ending)
        np.testing.assert_array_equal(read(tmp_path / "b.nii.gz").array, np.asarray(image.dataobj).T)


def test_damaged_checksum_is_found(tmp_path: Path) -> None:
    plain = save(tmp_path / "a.nii", nib.Nifti1Image(np.ones((10, 11, 12), np.uint8), AFFINE)).read_bytes()
    noise = np.random.default_rng(0).bytes(500_000)  # behind the voxels, so that they are read before the checksum
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(plain + noise))
    assert read(path).array.all()
    raw = bytearray(path.read_bytes())
    raw[-7] ^= 0x10
    path.write_bytes(raw)
    with pytest.raises(FileFormatError, match="cannot be read as NIfTI"):
        read(path)


def test_singular_sform_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", nib.Nifti1Image(np.ones((4, 5, 6), np.uint8), AFFINE))
    raw = bytearray(path.read_bytes())
    raw[296:312] = bytes(16)
    path.write_bytes(raw)
    with pytest.raises(GeometryError, match="singular") as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_large_axes_are_written_as_nifti_2(tmp_path: Path) -> None:
    labels = LabelMap(np.ones((2, 40000), np.uint8), Grid.from_spacing((2, 40000), (1, 0.5)).affine)
    write(labels, tmp_path / "a.nii.gz")
    assert isinstance(nib.load(tmp_path / "a.nii.gz"), nib.Nifti2Image)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.nii.gz").array, labels.array)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_nibabel_reads_what_we_write(tmp_path: Path, ending: str) -> None:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn(3) * [2.5, 0.75, 0.5], [1, 2, 3]
    array = np.random.default_rng(0).integers(0, 70000, (4, 5, 6)).astype(np.uint32)
    write(LabelMap(array, affine), tmp_path / f"a{ending}")
    image = nib.load(tmp_path / f"a{ending}")
    np.testing.assert_array_equal(np.asarray(image.dataobj), array.transpose(2, 1, 0))
    assert image.get_data_dtype() == np.uint32
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.affine[:, [2, 1, 0, 3]], affine, atol=1e-6)
    np.testing.assert_allclose(image.header.get_zooms(), (0.5, 0.75, 2.5), rtol=1e-6)
