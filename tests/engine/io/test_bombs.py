"""Files that unpack to more than they should are refused before they are unpacked, or read within their own size."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
import tifffile
import zarr
from PIL import Image
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from maskwright.engine.io import read, write
from maskwright.engine.volume import Volume
from maskwright.errors import FileFormatError

MIB = 1 << 20
SIDE = 8192  # of a square of 64 MiB


def _require_small_peak(measure: Any, good: Path, bomb: Path, *, refused: bool = True) -> None:
    """Read a good file, then one that unpacks to 64 MiB: the second takes little more than the first."""
    assert bomb.is_dir() or bomb.stat().st_size < 2 * MIB
    assert not measure(good).error
    honest, found = measure(good), measure(bomb)
    assert bool(found.error) == refused, found
    assert found.peak < honest.peak + 32 * MIB, found


# --- TIFF: a strip or tile that unpacks to 64 MiB

STRIPS: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.compress,
    "lzw": imagecodecs.lzw_encode,
    "packbits": lambda data: b"\x81\x00" * (len(data) // 128),
    "lzma": lzma.compress,
    "zstd": imagecodecs.zstd_encode,
}


@pytest.mark.parametrize("compression", STRIPS)
def test_a_strip_larger_than_its_page(tmp_path: Path, compression: str, measure: Any) -> None:
    good, bomb, plane = tmp_path / "a.tif", tmp_path / "b.tif", np.zeros((64, 64), np.uint8)
    tifffile.imwrite(good, plane, compression=compression)
    with tifffile.TiffWriter(bomb) as writer:
        packed = STRIPS[compression](bytes(SIDE * SIDE))
        strips = iter([packed])
        writer.write(strips, shape=plane.shape, dtype=plane.dtype, compression=compression, rowsperstrip=64)
    _require_small_peak(measure, good, bomb, refused=compression not in ("lzw", "lzma"))  # cut off


def _jpeg(side: int) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(np.zeros((side, side), np.uint8)))


def test_a_jpeg_larger_than_its_strip(tmp_path: Path, measure: Any) -> None:
    good, bomb = tmp_path / "a.tif", tmp_path / "b.tif"
    for path, side in ((good, 64), (bomb, SIDE)):
        with tifffile.TiffWriter(path) as writer:
            strips = iter([_jpeg(side)])
            writer.write(strips, shape=(64, 64), dtype=np.uint8, compression="jpeg", rowsperstrip=64)
    _require_small_peak(measure, good, bomb)


def test_a_tile_far_larger_than_its_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), tile=(SIDE, SIDE), compression="zlib")
    with pytest.raises(FileFormatError, match="far larger than its array"):
        read(path)
    tifffile.imwrite(path, np.ones((64, 64), np.uint8), tile=(512, 512), compression="zlib")
    assert read(path).array.all()


# --- PNG and compressed streams


def test_a_png_whose_pixels_go_on(tmp_path: Path, measure: Any) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    for name, count in (("a.png", 8 * 9), ("b.png", SIDE * SIDE)):
        start = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
        pixels = chunk(b"IDAT", zlib.compress(bytes(count)))
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + start + pixels + chunk(b"IEND", b""))
    _require_small_peak(measure, tmp_path / "a.png", tmp_path / "b.png", refused=False)


@pytest.mark.parametrize("encoding", ["gzip", "bzip2"])
@pytest.mark.parametrize("side", [8, SIDE])
def test_an_nrrd_that_unpacks_to_another_size(tmp_path: Path, encoding: str, side: int, measure: Any) -> None:
    """Either the stream is far longer than the header says, or the header promises far more than the stream holds."""
    pack = {"gzip": gzip.compress, "bzip2": bz2.compress}[encoding]
    for name, length, said in (("a.nrrd", 64, 8), ("b.nrrd", SIDE * SIDE if side == 8 else 64, side)):
        header = f"NRRD0005\ntype: uint8\ndimension: 2\nsizes: {said} {said}\nencoding: {encoding}\n\n"
        (tmp_path / name).write_bytes(header.encode() + pack(bytes(length)))
    _require_small_peak(measure, tmp_path / "a.nrrd", tmp_path / "b.nrrd")


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_a_stream_that_goes_on_for_ever_is_not_read_to_its_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(Volume(np.zeros((4, 10, 50), np.uint8), np.eye(4)), path)
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(40 << 20), 9))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileFormatError, match="twice"):
        read(path)


def test_nifti_extensions_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    write(Volume(np.zeros((4, 10, 50), np.uint8), np.eye(4)), path)
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[108:112] = struct.pack("<f", 2.0**38)
    path.write_bytes(gzip.compress(raw + bytes(1 << 20)))
    with pytest.raises(FileFormatError, match="voxels start at byte"):
        read(path)


# --- OME-Zarr: a chunk that unpacks to 64 MiB

CODECS: dict[str, Any] = {
    "zstd": zarr.codecs.ZstdCodec(),
    "gzip": zarr.codecs.GzipCodec(),
    "blosc": zarr.codecs.BloscCodec(),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("sharded", [False, True])
def test_a_chunk_larger_than_its_place(tmp_path: Path, codec: str, sharded: bool, measure: Any) -> None:
    good, bomb = tmp_path / "a.zarr", tmp_path / "b.zarr"
    for path, side in ((good, 8), (bomb, SIDE)):
        write(Volume(np.zeros((8, 8), np.uint8)), path)
        shutil.rmtree(path / "0")
        square = (side, side)
        zarr.create_array(
            path / "0",
            data=np.ones(square, np.uint8),
            chunks=square,
            shards=square if sharded else None,
            compressors=CODECS[codec],
        )
    shutil.copy(good / "0" / "zarr.json", bomb / "0" / "zarr.json")
    _require_small_peak(measure, good, bomb)


def test_a_chunk_far_larger_than_its_array(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    for side in (SIDE, 512):
        write(Volume(np.zeros((8, 8), np.uint8)), path)
        shutil.rmtree(path / "0")
        zarr.create_array(path / "0", data=np.ones((8, 8), np.uint8), chunks=(side, side))
        if side == SIDE:
            with pytest.raises(FileFormatError, match="far larger than its array"):
                read(path)
    assert read(path).array.all()


def test_a_chunk_of_several_gzip_members_is_read(tmp_path: Path) -> None:
    path, values = tmp_path / "a.zarr", np.arange(64, dtype=np.uint8).reshape(8, 8)
    write(Volume(values), path)
    shutil.rmtree(path / "0")
    zarr.create_array(path / "0", data=values, chunks=(8, 8), compressors=CODECS["gzip"])
    (chunk,) = [file for file in (path / "0" / "c").rglob("*") if file.is_file()]
    chunk.write_bytes(gzip.compress(values.tobytes()[:30]) + gzip.compress(values.tobytes()[30:]))
    np.testing.assert_array_equal(read(path).array, values)
    chunk.write_bytes(chunk.read_bytes()[:-9])
    with pytest.raises(FileFormatError):
        read(path)


# --- DICOM: frames that say another size of themselves


def _slice(stored: np.ndarray, make_series: Any) -> pydicom.Dataset:
    dataset: pydicom.Dataset = make_series(stored[None])[0]
    dataset.BitsStored, dataset.HighBit = 16, 15
    return dataset


def _j2k(dataset: pydicom.Dataset, at: int, *values: int) -> None:
    frame = bytearray(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    struct.pack_into(f">{len(values)}I", frame, at, *values)
    dataset.PixelData = encapsulate([bytes(frame)])


def _bomb(kind: str, dataset: pydicom.Dataset) -> None:
    if kind == "deflated":
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.add_new(0x00091010, "OB", bytes(SIDE * SIDE))
    elif kind == "jpeg 2000":
        dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
        _j2k(dataset, 8, 9000, 9000, 0, 0, 9000, 9000)
    elif kind == "jpeg 2000 in tiny tiles":
        dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
        _j2k(dataset, 24, 3, 3)
    elif kind == "jpeg 2000 in tiny precincts":
        image, packed = Image.fromarray(np.zeros((512, 512), np.uint8)), io.BytesIO()
        image.save(packed, "JPEG2000", no_jp2=True, num_resolutions=1, precinct_size=(8, 8))
        frame = bytearray(packed.getvalue())
        frame[frame.index(b"\xff\x52") + 14] = 0  # precincts of one pixel
        dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelData = encapsulate([bytes(frame)])
        dataset["PixelData"].VR = "OB"
    elif kind == "jpeg-ls":
        dataset.compress(JPEGLSLossless, generate_instance_uid=False)
        frame = bytearray(next(generate_frames(dataset.PixelData, number_of_frames=1)))
        struct.pack_into(">HH", frame, frame.index(b"\xff\xf7") + 5, 12000, 12000)
        dataset.PixelData = encapsulate([bytes(frame)])
    elif kind == "jpeg":
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelData = encapsulate([_jpeg(SIDE)])
        dataset["PixelData"].VR = "OB"
    else:
        dataset.compress(RLELossless, generate_instance_uid=False)
        header, run = struct.pack("<16I", 2, 64, 66, *[0] * 13), b"\x81\x00"
        dataset.PixelData = encapsulate([header + run + run * (SIDE * SIDE // 128)])


@pytest.mark.parametrize(
    "kind",
    [
        "deflated",
        "jpeg 2000",
        "jpeg 2000 in tiny tiles",
        "jpeg 2000 in tiny precincts",
        "jpeg-ls",
        "jpeg",
        "run lengths",
    ],
)
def test_dicom_pixels_larger_than_their_header(tmp_path: Path, kind: str, make_series: Any, measure: Any) -> None:
    good, bomb, side = tmp_path / "a.dcm", tmp_path / "b.dcm", 512 if "tiny" in kind else 64
    for path in (good, bomb):
        dataset = _slice(np.zeros((side, side), np.uint16), make_series)
        if path == bomb:
            _bomb(kind, dataset)
        dataset.save_as(path, enforce_file_format=True)
    _require_small_peak(measure, good, bomb)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
@pytest.mark.parametrize("field", ["Rows", "Columns"])
def test_dicom_pixels_smaller_than_their_header(tmp_path: Path, syntax: str, field: str, make_series: Any) -> None:
    dataset = _slice(np.zeros((64, 64), np.uint16), make_series)
    dataset.compress(syntax, generate_instance_uid=False)
    setattr(dataset, field, 80)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(FileFormatError, match=r"damaged|cut off"):
        read(tmp_path / "a.dcm")


def test_small_deflated_dicom_is_read(tmp_path: Path, make_series: Any) -> None:
    values = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)
    dataset = _slice(values, make_series)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(read(tmp_path / "a.dcm").array, values.astype(int) - 1024)


def test_white_is_zero_is_inverted_whatever_the_compression(tmp_path: Path) -> None:
    plane = np.array([[0, 1], [2, 255]], np.uint8)
    for compression in (None, "zlib", "lzw"):
        tifffile.imwrite(tmp_path / "a.tif", plane, photometric="miniswhite", compression=compression)
        np.testing.assert_array_equal(read(tmp_path / "a.tif").array, 255 - plane)
