"""Readers reserve their peak: the array that they return, and the copies that they make meanwhile."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from maskwright.engine.io import read, read_labels, reserve_with, write
from maskwright.engine.volume import Volume
from maskwright.errors import LimitError

MIB = 1 << 20


def _write_tiff(compression: str, **options: Any) -> Callable[[Path, np.ndarray], None]:
    def save(path: Path, array: np.ndarray) -> None:
        tifffile.imwrite(path, array, compression=compression, **options)

    return save


def _write_scaled(path: Path, array: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(array.T.astype(np.float64) * 0.5, np.eye(4), dtype=np.uint8), path)


def _write_volume(path: Path, array: np.ndarray) -> None:
    write(Volume(array, np.eye(4) if array.ndim == 3 else None), path)


def _write_chunks(path: Path, array: np.ndarray, chunks: tuple[int, ...] = (32, 128, 128)) -> None:
    _write_volume(path, array)
    shutil.rmtree(path / "0")
    zarr.create_array(path / "0", data=array, chunks=tuple(min(pair) for pair in zip(chunks, array.shape)))


def _write_palette(path: Path, array: np.ndarray) -> None:
    image = Image.fromarray(array)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(path)


def _write_dicom(syntax: str) -> Callable[[Path, np.ndarray], None]:
    def save(path: Path, array: np.ndarray) -> None:
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

        made = Dataset()
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, generate_uid()
        made.Rows, made.Columns, made.SamplesPerPixel, made.PixelRepresentation = *array.shape, 1, 0
        made.PhotometricInterpretation, made.BitsAllocated, made.BitsStored, made.HighBit = "MONOCHROME2", 16, 16, 15
        made.PixelData = array.astype("<u2").tobytes()
        if syntax:
            made.compress(syntax, generate_instance_uid=False)
        made.save_as(path, enforce_file_format=True)

    return save


FILES: dict[str, tuple[str, tuple[int, ...], Callable[[Path, np.ndarray], None]]] = {
    "plain nifti": (".nii", (48, 1024, 1024), _write_volume),
    "packed nifti": (".nii.gz", (48, 1024, 1024), _write_volume),
    "scaled nifti": (".nii.gz", (24, 1024, 1024), _write_scaled),
    "nrrd": (".nrrd", (48, 1024, 1024), _write_volume),
    "zarr": (".zarr", (40, 1024, 1024), _write_volume),
    "zarr in chunks": (".zarr", (40, 1024, 1024), _write_chunks),
    "zarr of one chunk": (".zarr", (40, 1024, 1024), functools.partial(_write_chunks, chunks=(40, 1024, 1024))),
    "zarr of one shard": (".zarr", (256, 256, 256), _write_volume),
    "grey png": (".png", (7000, 7000), _write_volume),
    "png of two bits": (".png", (7000, 7000), lambda path, array: Image.fromarray(array).save(path, bits=2)),
    "png with a palette": (".png", (5000, 5000), _write_palette),
    "png in colour": (".png", (4000, 4000, 3), lambda path, array: Image.fromarray(array).save(path)),
    "tiff in one strip": (".tif", (7000, 7000), _write_tiff("zlib", rowsperstrip=7000)),
    "tiff in tiles": (".tif", (7000, 7000), _write_tiff("lzw", tile=(512, 512))),
    "dicom": (".dcm", (5000, 5000), _write_dicom("")),
    "dicom by run lengths": (".dcm", (2000, 2000), _write_dicom("1.2.840.10008.1.2.5")),
    "dicom in jpeg 2000": (".dcm", (3000, 3000), _write_dicom("1.2.840.10008.1.2.4.90")),
}


COLOUR_LABELS = ("png in colour", "read_labels")  # there are none


@pytest.mark.parametrize(
    ("name", "reader"),
    [(name, reader) for name in FILES for reader in ("read", "read_labels") if (name, reader) != COLOUR_LABELS],
)
def test_the_peak_of_a_reader_is_reserved(tmp_path: Path, name: str, reader: str, measure: Any) -> None:
    suffix, shape, save = FILES[name]
    small, large = tmp_path / f"small{suffix}", tmp_path / f"large{suffix}"
    save(small, np.zeros([min(length, 64) for length in shape], np.uint8))
    save(large, np.zeros(shape, np.uint8))
    measure(small, reader)
    found = measure(large, reader)
    assert not found.error
    assert found.peak <= found.reserved + 16 * MIB, found
    assert found.array <= found.reserved <= 12 * found.array + MIB, found


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".png", ".tif", ".zarr"])
def test_memory_is_reserved_before_an_array_is_made(tmp_path: Path, suffix: str) -> None:
    path, shape = tmp_path / f"a{suffix}", (40, 50) if suffix in (".png", ".tif") else (4, 10, 50)
    write(Volume(np.zeros(shape, np.uint8), None if len(shape) == 2 else np.eye(4)), path)

    def refuse(size_bytes: int) -> None:
        raise LimitError(f"{size_bytes} are too many")

    for reader in (read, read_labels):
        with reserve_with(refuse), pytest.raises(LimitError, match="are too many"):
            reader(path)
        reserved: list[int] = []
        with reserve_with(reserved.append):
            assert reader(path).array.size == 2000
        assert 2000 in reserved
    assert read(path).array.size == 2000
