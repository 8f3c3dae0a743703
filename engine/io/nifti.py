"""NIfTI-1 and NIfTI-2 in one file, plain or gzipped (the content decides, not the name).

The stored order i, j, k reversed is (z, y, x): [k, j, i], without a copy. A header of two axes gives a (y, x) plane,
one of three axes with k = 1 a (1, y, x) volume.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.memory import new_array
from maskwright.engine.io.nifti_header import (
    LONGEST_HEADER,
    affine_of,
    dtype_of,
    new_header,
    parse_header,
    scaling_of,
    shape_of,
)
from maskwright.engine.io.payload import is_gzip, read_voxels, unpacked
from maskwright.engine.storage import atomic_file
from maskwright.engine.volume import LabelMap, Source, Volume
from maskwright.errors import FileFormatError, GeometryError

NAME = "NIfTI"
_LONGEST_EXTENSIONS = 1 << 26  # bytes before the voxels
_GZIP_LEVEL = 2  # isal's levels are 0 to 3; 2 is its default


def read_nifti(path: Path) -> Volume:
    """Read one volume, its voxels in their stored type, or scaled to float where the header says so.

    Scaled voxels are float32 where the stored type has at most 16 bits, which holds them exactly, else float64.
    """
    with path.open("rb") as file:
        encoding = "gzip" if is_gzip(file) else "raw"
        stream = unpacked(file, encoding)
        start = stream.read(LONGEST_HEADER)
        try:
            header = parse_header(start)
            shape, dtype = shape_of(header), dtype_of(header)
            scaling, affine = scaling_of(header), affine_of(header)
        except FileFormatError as error:
            raise FileFormatError(f"{path}: {error}") from None
        offset = float(header["vox_offset"])
        if not header.sizeof_hdr <= offset <= _LONGEST_EXTENSIONS:
            raise FileFormatError(f"{path}: the header says that voxels start at byte {offset:g}: it is damaged")
        stream.seek(int(offset))
        array: NDArray[Any] = read_voxels(path, stream, shape[::-1], dtype, encoding)
    if scaling is not None:
        wide = np.float32 if array.dtype.itemsize <= 2 else np.float64
        slope, intercept = scaling
        scaled = np.multiply(array, wide(slope), out=new_array(path, array.shape, np.dtype(wide)))
        array = np.add(scaled, wide(intercept), out=scaled)
    return Volume(array, _to_array_axes(affine, array.ndim), Source(path, NAME, header))


def write_nifti(volume: Volume | LabelMap, path: Path) -> None:
    """Write one volume; gzipped when the name ends in .gz. bool is stored as uint8 and float16 as float32.

    The affine is stored as float32 (float64 in NIfTI-2), as the format has it. The unit, sform and qform of the
    NIfTI file that the volume came from are kept.
    """
    from isal import igzip
    from nibabel.nifti1 import Nifti1Image
    from nibabel.nifti2 import Nifti2Header, Nifti2Image

    array = volume.array
    if volume.affine is None:
        raise GeometryError(f"{path}: NIfTI stores a spacing, and this volume has none; give it with --spacing-mm")
    stored = {"bool": "uint8", "float16": "float32", "longdouble": "float64"}.get(array.dtype.name, array.dtype.name)
    array = np.ascontiguousarray(array, dtype=np.dtype(stored).newbyteorder("="))
    source = volume.source
    source_header = source.header if source is not None and source.format == NAME else None
    header = new_header(array.shape[::-1], array.dtype, _to_stored_axes(volume.affine), source_header)
    image = (Nifti2Image if isinstance(header, Nifti2Header) else Nifti1Image)(array.T, None, header)
    with atomic_file(path) as unfinished, unfinished.open("xb") as file:
        if path.name.lower().endswith(".gz"):
            with igzip.IGzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as stream:
                image.to_stream(stream)
        else:
            image.to_stream(file)


def _to_array_axes(affine: NDArray[np.float64] | None, ndim: int) -> NDArray[np.float64] | None:
    if affine is None:
        return None
    return affine[:, [2, 1, 0, 3]] if ndim == 3 else affine[:, [1, 0, 3]]


def _to_stored_axes(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 4x4 matrix over (i, j, k, 1); a plane gets a k of 1 mm along its normal."""
    if affine.shape[1] == 4:
        return affine[:, [2, 1, 0, 3]]
    y, x, origin = affine[:3].T
    normal = np.cross(x, y)
    stored = np.eye(4)
    stored[:3] = np.column_stack([x, y, normal / np.linalg.norm(normal), origin])
    return stored
