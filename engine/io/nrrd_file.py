"""NRRD with header and voxels in one file (``.nrrd``, ``.seg.nrrd``).

The stored order is x fastest, so that reversed it is (z, y, x). World axes: the space LPS, RAS or LAS is turned into
RAS+; a plane in an unnamed space of two dimensions is taken as LPS, as ITK writes it; a file with ``spacings`` alone
has its axes along the world's and voxel 0 at the origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.payload import read_voxels, unpacked
from maskwright.engine.storage import atomic_file
from maskwright.engine.volume import Grid, LabelMap, Source, Volume
from maskwright.errors import FileFormatError

NAME = "NRRD"
_GZIP_LEVEL = 2  # isal's levels are 0 to 3; 2 is its default
_ENCODINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_TO_RAS = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
}
_UNIT_MM = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "um": 1e-3, "\u00b5m": 1e-3, "micron": 1e-3, "": 1.0}
_TYPES = {
    **dict.fromkeys(["signed char", "int8", "int8_t"], "i1"),
    **dict.fromkeys(["uchar", "unsigned char", "uint8", "uint8_t"], "u1"),
    **dict.fromkeys(["short", "short int", "signed short", "signed short int", "int16", "int16_t"], "i2"),
    **dict.fromkeys(["ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"], "u2"),
    **dict.fromkeys(["int", "signed int", "int32", "int32_t"], "i4"),
    **dict.fromkeys(["uint", "unsigned int", "uint32", "uint32_t"], "u4"),
    **dict.fromkeys(["longlong", "long long", "long long int", "signed long long", "int64", "int64_t"], "i8"),
    **dict.fromkeys(["ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"], "u8"),
    "float": "f4",
    "double": "f8",
}


def read_nrrd(path: Path) -> Volume:
    """Read one scalar volume or plane, its voxels in their stored type.

    Raises
    ------
    FileFormatError
        Voxels in another file, an encoding other than raw, gzip and bzip2, a space that is not one of the patient's,
        or more than one value a voxel (colour, vectors, overlapping segments of a ``.seg.nrrd``).
    """
    import nrrd

    with path.open("rb") as file:
        header = nrrd.read_header(file)
        encoding = _encoding_of(path, header)
        axes = _spatial_axes(path, header)
        shape = tuple(int(header["sizes"][axis]) for axis in reversed(axes))
        affine = _affine_of(path, header, axes)
        array = read_voxels(path, unpacked(file, encoding), shape, _dtype_of(path, header), encoding)
    return Volume(array, affine, Source(path, NAME, str(header.get("space", "")).lower()))


def write_nrrd(volume: Volume | LabelMap, path: Path) -> None:
    """Write one volume, gzipped, in the space of the NRRD file that it came from, else LPS. bool becomes uint8."""
    from isal import igzip

    array = volume.array
    stored = {"bool": "uint8", "float16": "float32", "longdouble": "float64"}.get(array.dtype.name, array.dtype.name)
    array = np.ascontiguousarray(array, dtype=np.dtype(stored).newbyteorder("<"))
    source = volume.source
    space = source.header if source is not None and source.format == NAME else ""
    lines = [
        "NRRD0005",
        f"type: {'float' if stored == 'float32' else 'double' if stored == 'float64' else stored}",
        f"dimension: {array.ndim}",
        f"sizes: {' '.join(str(length) for length in reversed(array.shape))}",
        "endian: little",
        "encoding: gzip",
    ]
    if volume.affine is not None:
        lines += _space_lines(volume.affine, space if space in _TO_RAS else "left-posterior-superior")
    with atomic_file(path) as unfinished, unfinished.open("xb") as file:
        file.write(("\n".join(lines) + "\n\n").encode("ascii"))
        with igzip.IGzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as stream:
            stream.write(array.data.cast("B"))


def _space_lines(affine: NDArray[np.float64], space: str) -> list[str]:
    stored = np.array(_TO_RAS[space])[:, None] * affine[:3] + 0.0
    vectors = [f"({','.join(repr(float(value)) for value in column)})" for column in stored.T]
    return [
        f"space: {space}",
        f"space directions: {' '.join(reversed(vectors[:-1]))}",
        f"space origin: {vectors[-1]}",
        'space units: "mm" "mm" "mm"',
    ]


def _encoding_of(path: Path, header: Mapping[str, Any]) -> str:
    if {"data file", "datafile"} & header.keys():
        raise FileFormatError(f"{path}: its voxels are in another file, which is not supported: save as one .nrrd file")
    if any(int(header.get(name, 0)) for name in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise FileFormatError(f"{path}: skipped lines or bytes are not supported: save the volume again")
    if header["encoding"] not in _ENCODINGS:
        raise FileFormatError(f"{path}: only the encodings raw, gzip and bzip2 are supported: save the volume as gzip")
    return _ENCODINGS[header["encoding"]]


def _dtype_of(path: Path, header: Mapping[str, Any]) -> np.dtype[np.generic]:
    if header["type"] not in _TYPES:
        raise FileFormatError(f"{path}: expected integer or float voxels; the type in the header is another")
    dtype = np.dtype(_TYPES[header["type"]])
    if dtype.itemsize == 1:
        return dtype
    return np.dtype({"little": "<", "big": ">"}[header["endian"]] + dtype.str[1:])


def _spatial_axes(path: Path, header: Mapping[str, Any]) -> list[int]:
    """Return the axes of the file that are axes of space; others must have length 1."""
    sizes = [int(size) for size in header["sizes"]]
    if len(sizes) != header["dimension"] or min(sizes) < 1:
        raise FileFormatError(f"{path}: sizes and dimension in the header do not make an array")
    directions = header.get("space directions")
    kinds = header.get("kinds", ["domain"] * len(sizes))
    if directions is not None:
        spatial = [axis for axis in range(len(sizes)) if np.isfinite(directions[axis]).all()]
    else:
        spatial = [axis for axis in range(len(sizes)) if kinds[axis] in ("domain", "space", "???", "none")]
    others = [sizes[axis] for axis in range(len(sizes)) if axis not in spatial]
    if max(others, default=1) > 1:
        values = f"{max(others)} values a voxel (colour, vectors or overlapping segments)"
        raise FileFormatError(f"{path}: {values} are not supported: save one number a voxel")
    if len(spatial) not in (2, 3):
        raise FileFormatError(f"{path}: expected 2 or 3 axes of space, got {len(spatial)}")
    return spatial


def _affine_of(path: Path, header: Mapping[str, Any], axes: list[int]) -> NDArray[np.float64] | None:
    if "space directions" not in header:
        return _spacing_affine(path, header, axes)
    directions = np.asarray(header["space directions"], dtype=np.float64)[axes]
    world = directions.shape[1]
    space = str(header.get("space", "")).lower()
    if space not in _TO_RAS and not (space == "" and world == 2):
        raise FileFormatError(f"{path}: expected the space LPS, RAS or LAS; the header names none of them")
    origin = np.asarray(header.get("space origin", np.zeros(world)), dtype=np.float64)
    units = [_unit_mm(path, unit) for unit in header.get("space units", [""] * world)]
    affine = np.zeros((4, len(axes) + 1))
    affine[:world, :-1] = (directions * units)[::-1].T
    affine[:world, -1] = origin * units
    affine[:3] *= np.array(_TO_RAS[space or "lps"])[:, None]
    affine[3, -1] = 1
    return affine


def _spacing_affine(path: Path, header: Mapping[str, Any], axes: list[int]) -> NDArray[np.float64] | None:
    if "spacings" not in header:
        return None
    spacings = np.asarray(header["spacings"], dtype=np.float64)[axes]
    if not np.isfinite(spacings).all():
        return None
    units = header.get("units", [""] * len(header["sizes"]))
    spacing_mm = [abs(float(spacings[at])) * _unit_mm(path, units[axis]) for at, axis in enumerate(axes)][::-1]
    return Grid.from_spacing([1] * len(axes), spacing_mm).affine


def _unit_mm(path: Path, unit: str) -> float:
    if unit.lower() not in _UNIT_MM:
        raise FileFormatError(f"{path}: the unit of space is none of {', '.join(filter(None, _UNIT_MM))}")
    return _UNIT_MM[unit.lower()]
