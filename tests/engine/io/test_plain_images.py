"""PNG and TIFF made by Pillow and tifffile; the spacings follow from the tags' definitions."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from maskwright.engine.io import read, read_labels, write
from maskwright.engine.volume import Grid, LabelMap
from maskwright.errors import FileFormatError, GeometryError, LabelError

VALUES = np.arange(35, dtype=np.uint8).reshape(5, 7)


def raw_png(path: Path, bits: int, color: int, rows: list[bytes], width: int) -> Path:
    """Write a PNG chunk by chunk, in forms that Pillow does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    start = struct.pack(">IIBBBBB", width, len(rows), bits, color, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_small_grey_samples_are_read_as_stored(tmp_path: Path, bits: int) -> None:
    samples = np.arange(2 * 8).reshape(2, 8) % 2**bits
    rows = [
        bytes(int("".join(f"{v:0{bits}b}" for v in row)[at : at + 8], 2) for at in range(0, 8 * bits, 8))
        for row in samples
    ]
    path = raw_png(tmp_path / "a.png", bits, 0, rows, 8)
    np.testing.assert_array_equal(read(path).array, samples)
    np.testing.assert_array_equal(read_labels(path).array, samples)


def test_palette_is_colour_for_images_and_indices_for_labels(tmp_path: Path) -> None:
    image = Image.fromarray(VALUES % 3).convert("P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 128, 255])
    image.putdata((VALUES % 3).ravel().tolist())
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png").array, VALUES % 3)
    color = read(tmp_path / "a.png")
    assert color.color
    np.testing.assert_array_equal(color.array, np.array([[0, 0, 0], [255, 0, 0], [0, 128, 255]])[VALUES % 3])


def test_transparency_is_left_out(tmp_path: Path) -> None:
    grey = np.dstack([VALUES, np.full_like(VALUES, 9)])
    Image.fromarray(grey, "LA").save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png").array, VALUES)
    color = np.dstack([VALUES, VALUES + 1, VALUES + 2, np.full_like(VALUES, 9)])
    Image.fromarray(color, "RGBA").save(tmp_path / "b.png")
    np.testing.assert_array_equal(read(tmp_path / "b.png").array, color[..., :3])
    with pytest.raises(LabelError, match="colour"):
        read_labels(tmp_path / "b.png")


def test_16_bit_colour_is_refused(tmp_path: Path) -> None:
    path = raw_png(tmp_path / "a.png", 16, 2, [bytes(6 * 4)] * 3, 4)
    with pytest.raises(FileFormatError, match="16 bits is read in grey only"):
        read(path)


def test_png_resolution(tmp_path: Path) -> None:
    # 2000 and 1000 pixels a metre along x and y are 0.5 and 1 mm.
    Image.fromarray(VALUES).save(tmp_path / "a.png", dpi=(50.8, 25.4))
    assert read(tmp_path / "a.png").spacing_mm == pytest.approx((1.0, 0.5))


@pytest.mark.parametrize("dpi", [72, 96, 100, 300])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_print_resolutions_are_no_measurement(tmp_path: Path, dpi: int, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Image.fromarray(VALUES).save(path, dpi=(dpi, dpi))
    assert read(path).spacing_mm is None
    assert read(path, spacing_mm=(0.1, 0.1)).spacing_mm == (0.1, 0.1)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_our_own_files_keep_any_spacing(tmp_path: Path, ending: str) -> None:
    for spacing in [(0.254, 0.254), (3.0, 1 / 3), (0.01, 25.0)]:  # 100 dpi, whole numbers of nothing, extremes
        path = tmp_path / f"a.{ending}"
        write(LabelMap(VALUES, Grid.from_spacing((5, 7), spacing).affine), path)
        assert read(path).spacing_mm == pytest.approx(spacing, rel=1e-9)
        with pytest.raises(GeometryError, match="own spacing"):
            read(path, spacing_mm=(1, 1))


def test_note_is_not_believed_for_another_shape(tmp_path: Path) -> None:
    write(LabelMap(VALUES, Grid.from_spacing((5, 7), (0.4, 0.3)).affine), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        from PIL import PngImagePlugin

        notes = PngImagePlugin.PngInfo()
        for key, value in image.text.items():  # type: ignore[attr-defined]
            notes.add_text(key, value)
        image.crop((1, 1, 4, 4)).save(tmp_path / "b.png", pnginfo=notes)
    assert read(tmp_path / "b.png").spacing_mm is None


@pytest.mark.parametrize(
    ("options", "spacing"),
    [
        ({"resolution": (20, 10), "resolutionunit": "CENTIMETER"}, (1.0, 0.5)),
        ({"resolution": (508, 254), "resolutionunit": "INCH"}, (0.1, 0.05)),
        ({"resolution": (508, 254), "resolutionunit": "NONE"}, None),
        ({}, None),
    ],
)
def test_tiff_resolution(tmp_path: Path, options: dict[str, Any], spacing: tuple[float, ...] | None) -> None:
    tifffile.imwrite(tmp_path / "a.tif", VALUES, metadata=None, **options)
    assert read(tmp_path / "a.tif").spacing_mm == (pytest.approx(spacing) if spacing else None)


def test_tiff_pages_are_slices_without_spacing(tmp_path: Path) -> None:
    stack = np.stack([VALUES, VALUES * 2, VALUES * 3])
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in stack:
            writer.write(page, contiguous=False, metadata=None, resolution=(20, 10), resolutionunit="CENTIMETER")
    tags: dict[str, Any] = {"resolution": (20, 10), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(tmp_path / "b.tif", stack, photometric="minisblack", **tags)
    for name in ("a.tif", "b.tif"):
        volume = read(tmp_path / name)
        np.testing.assert_array_equal(volume.array, stack)
        assert volume.spacing_mm is None  # the tags say nothing about the distance of slices
    with tifffile.TiffWriter(tmp_path / "c.tif") as writer:
        for page in (VALUES, VALUES[1:]):
            writer.write(page, contiguous=False, metadata=None)
    with pytest.raises(FileFormatError, match="holds 2 images"):
        read(tmp_path / "c.tif")


@pytest.mark.parametrize(
    ("unit", "mm"), [("mm", 1.0), ("um", 1e-3), ("micron", 1e-3), ("\\u00B5m", 1e-3), ("cm", 10.0)]
)
def test_imagej_spacing(tmp_path: Path, unit: str, mm: float) -> None:
    stack = np.zeros((3, 5, 7), np.uint16)
    metadata = {"spacing": 3.0, "unit": unit, "axes": "ZYX"}
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, resolution=(2, 4), metadata=metadata)
    assert read(tmp_path / "a.tif").spacing_mm == pytest.approx((3.0 * mm, 0.25 * mm, 0.5 * mm))
    tifffile.imwrite(tmp_path / "b.tif", stack, imagej=True, resolution=(2, 4), metadata={"axes": "ZYX"})
    assert read(tmp_path / "b.tif").spacing_mm is None


def test_ome_tiff_spacing(tmp_path: Path) -> None:
    sizes = {"PhysicalSizeX": 2.0, "PhysicalSizeY": 3.0, "PhysicalSizeYUnit": "mm", "PhysicalSizeZ": 4.0}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((3, 5, 7), np.uint16), metadata={"axes": "ZYX", **sizes})
    assert read(tmp_path / "a.ome.tif").spacing_mm == pytest.approx((0.004, 3.0, 0.002))  # micrometre is the default
    tifffile.imwrite(tmp_path / "b.ome.tif", np.zeros((3, 5, 7), np.uint16), metadata={"axes": "ZYX"})
    assert read(tmp_path / "b.ome.tif").spacing_mm is None


@pytest.mark.parametrize("axes", ["TYX", "CYX", "TZYX"])
def test_times_and_channels_are_refused(tmp_path: Path, axes: str) -> None:
    shape = (2,) * (len(axes) - 2) + (5, 7)
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros(shape, np.uint16), metadata={"axes": axes})
    with pytest.raises(FileFormatError, match=r"save one channel and time"):
        read(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_deflate", "tiff_adobe_deflate", "group4"])
def test_tiff_compressions(tmp_path: Path, compression: str) -> None:
    mask = VALUES % 2 == 1 if compression == "group4" else VALUES
    Image.fromarray(mask).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif").array, mask)
    if compression == "tiff_lzw":
        wide = VALUES.astype(np.uint16) * 1000
        Image.fromarray(wide).save(tmp_path / "b.tif", compression=compression)
        np.testing.assert_array_equal(read_labels(tmp_path / "b.tif").array, wide)


def test_lossy_compression_is_fine_for_images_only(tmp_path: Path) -> None:
    Image.fromarray(VALUES).save(tmp_path / "a.tif", compression="jpeg", quality=95)
    np.testing.assert_allclose(read(tmp_path / "a.tif").array, VALUES.astype(float), atol=8)
    with pytest.raises(FileFormatError, match="changes labels"):
        read_labels(tmp_path / "a.tif")


def test_damaged_lzw_says_nothing_beside_the_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.tif", compression="tiff_lzw")
    raw = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        start = file.pages[0].dataoffsets[0]  # type: ignore[union-attr]
    raw[start + 100 : start + 200] = b"\xff" * 100
    (tmp_path / "a.tif").write_bytes(raw)
    with pytest.raises(FileFormatError):
        read(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def test_cut_off_pages_are_not_taken_for_fewer(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 255, (6, 40, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", compression="zlib")
    whole = (tmp_path / "a.tif").read_bytes()
    for part in range(1, 12):
        (tmp_path / "a.tif").write_bytes(whole[: len(whole) * part // 12])
        with pytest.raises(FileFormatError):
            read(tmp_path / "a.tif")


def test_planar_colour(tmp_path: Path) -> None:
    color = np.dstack([VALUES, VALUES + 1, VALUES + 2])
    tifffile.imwrite(tmp_path / "a.tif", color.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    image = read(tmp_path / "a.tif")
    assert image.color
    np.testing.assert_array_equal(image.array, color)


def test_planes_larger_than_pillow_opens_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(VALUES).save(tmp_path / "a.png")
    Image.fromarray(VALUES).save(tmp_path / "a.tif", compression="tiff_lzw")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(tmp_path / "a.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png").array, VALUES)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif").array, VALUES)


def test_promises_that_the_file_cannot_hold(tmp_path: Path) -> None:
    path = raw_png(tmp_path / "a.png", 8, 0, [bytes(4)] * 3, 4)
    raw = bytearray(path.read_bytes())
    raw[16:24] = struct.pack(">II", 2**30, 2**30)
    raw[29:33] = struct.pack(">I", zlib.crc32(raw[12:29]))
    path.write_bytes(raw)
    with pytest.raises(FileFormatError, match="promises"):
        read(path)
    tifffile.imwrite(tmp_path / "b.tif", VALUES, metadata=None)
    raw = bytearray((tmp_path / "b.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        for name in ("ImageWidth", "ImageLength"):
            tag = file.pages[0].tags[name]  # type: ignore[union-attr]
            raw[tag.valueoffset : tag.valueoffset + 2] = b"\xff\xff"
    (tmp_path / "b.tif").write_bytes(raw)
    with pytest.raises(FileFormatError, match="promises"):
        read(tmp_path / "b.tif")
