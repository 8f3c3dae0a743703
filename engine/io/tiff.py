"""TIFF: one plane (y, x), colour (y, x, 3), or pages that are slices (z, y, x)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.codestream import codestream_size
from maskwright.engine.io.memory import new_array, require_part_fits, reserve_memory
from maskwright.engine.io.payload import require_possible
from maskwright.engine.io.quiet import quiet_libraries
from maskwright.engine.io.resolution import AFFINE_KEY, affine_note
from maskwright.engine.io.tiff_spacing import affine_of
from maskwright.engine.storage import atomic_file
from maskwright.engine.volume import LabelMap, Source, Volume
from maskwright.errors import FileFormatError, LabelError

NAME = "TIFF"
_UNCOMPRESSED, _INTERLEAVED, _WHITE_IS_ZERO = 1, 1, 0
_JPEG = (6, 7)  # old and new
_LOSSY = (*_JPEG, 33003, 33005, 34712)  # JPEG 2000 (Aperio's two, plain)
_COMPRESSIONS = {
    *(_UNCOMPRESSED, 2, 3, 4),  # none; CCITT: run lengths, group 3 and 4
    *(5, *_JPEG, 8, 32946, 32773),  # LZW, JPEG, deflate (two numbers), PackBits
    *(34925, 50000),  # LZMA, zstd
}
_BUFFER = 1 << 22  # bytes read from the file in one go
_SLICES = "ZIQ"  # tifffile's letters for pages: z, "images" and unknown


def read_tiff(path: Path) -> Volume:
    """Read a file that holds one image, one plane or slices; a palette is read as its indices.

    Raises
    ------
    FileFormatError
        Several images, time points, or channels other than red, green, blue.
    """
    return _read(path, as_labels=False)


def read_tiff_labels(path: Path) -> LabelMap:
    """Read labels; colour and lossy compression, which changes labels, are refused."""
    volume = _read(path, as_labels=True)
    return LabelMap(volume.array, volume.affine, volume.source)


def _read(path: Path, *, as_labels: bool) -> Volume:
    import tifffile

    with quiet_libraries() as messages, tifffile.TiffFile(path) as file:
        if len(file.series) != 1:
            raise FileFormatError(f"{path}: holds {len(file.series)} images: save the one that is meant")
        series = file.series[0]
        _require_known_compression(path, series, as_labels=as_labels)
        array, color = _spatial(path, _decoded(path, series), series.axes)
        if as_labels and color:
            raise LabelError("a colour image holds no labels: save one number per pixel")
        affine = affine_of(file, array.shape[:-1] if color else array.shape)
    # tifffile reads a file that was cut off as one of fewer pages, and only logs that. Its messages about tags do not
    # count: they are many, and without one of them a spacing is unknown, but no voxel wrong.
    if any(re.search("TiffPage|TiffFrame|series", message) for message in messages):
        raise FileFormatError(f"{path}: its pages do not fit together: the file is damaged or cut off")
    return Volume(array, affine, Source(path, NAME), color=color)


def write_tiff(volume: Volume | LabelMap, path: Path) -> None:
    """Write a plane, a colour plane, or a volume as pages, deflated, with its spacing and affine."""
    import tifffile

    array = volume.array
    color = isinstance(volume, Volume) and volume.color
    notes: dict[str, Any] = {}
    resolution: dict[str, Any] = {}
    if volume.affine is not None:
        notes = {AFFINE_KEY: affine_note(volume.affine, volume.grid.shape)}
        *_, y, x = volume.grid.require_spacing()
        resolution = {"resolution": (10 / x, 10 / y), "resolutionunit": "CENTIMETER"}
    with atomic_file(path) as unfinished:
        tifffile.imwrite(
            unfinished,
            array.view(np.uint8) if array.dtype == bool else array,
            photometric="rgb" if color else "minisblack",
            compression="zlib",
            metadata=notes,
            bigtiff=array.nbytes > 2**32 - 2**25,
            **resolution,
        )


def _require_known_compression(path: Path, series: Any, *, as_labels: bool) -> None:
    compression = int(series.keyframe.compression)
    if as_labels and compression in _LOSSY:
        raise FileFormatError(f"{path}: compressed as JPEG, which changes labels: save without loss (deflate, LZW)")
    if compression not in _COMPRESSIONS or series.dtype is None:
        raise FileFormatError(f"{path}: this compression is not supported: save it uncompressed or deflated")


def _decoded(path: Path, series: Any) -> NDArray[Any]:
    """Return the samples, inverted where the file says that white is zero, as viewers do.

    They are decoded strip by strip, or tile by tile, into the array. One strip is there up to three times meanwhile:
    compressed, decoded, and in the machine's byte order.
    """
    page, dtype = series.keyframe, np.dtype(series.dtype)
    compression = int(page.compression)
    require_possible(path, int(series.nbytes), "raw" if compression == _UNCOMPRESSED else "tiff")
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    samples = page.samplesperpixel if page.planarconfig == _INTERLEAVED else 1
    require_part_fits(path, (rows, columns) if page.is_tiled else (1, columns), (page.imagelength, page.imagewidth))
    if compression in _JPEG:
        _require_own_sizes(path, series, rows, columns)
    if compression != _UNCOMPRESSED:
        rows = rows if page.is_tiled else min(rows, page.imagelength)
        reserve_memory(path, 3 * rows * columns * samples * max(1, page.tiledepth) * dtype.itemsize)
    out = new_array(path, series.shape, dtype)
    series.asarray(out=out, maxworkers=1, buffersize=_BUFFER)
    if int(page.photometric) == _WHITE_IS_ZERO and dtype.kind in "bu":
        np.bitwise_xor(out, True if dtype.kind == "b" else 2**page.bitspersample - 1, out=out)
    return out


def _require_own_sizes(path: Path, series: Any, rows: int, columns: int) -> None:
    """Refuse JPEG strips and tiles that are larger than the page says: they are decoded to their own size."""
    file = series.keyframe.parent.filehandle
    for page in series.pages:
        for offset, length in zip(page.dataoffsets, page.databytecounts):
            file.seek(offset)
            size = codestream_size(file.read(length))
            if size is None or size.rows > rows or size.columns > columns:
                raise FileFormatError(f"{path}: a part of it is damaged, or is no JPEG image of the size of its page")


def _spatial(path: Path, array: NDArray[Any], axes: str) -> tuple[NDArray[Any], bool]:
    """Return the array as (z, y, x), (y, x) or with colour last, and whether it is in colour."""
    # A leading axis of length 1 is only there when the file's own description says so, as in files of ours.
    long = [
        at for at, letter in enumerate(axes) if array.shape[at] > 1 or letter in "YX" or (at == 0 and letter == "Q")
    ]
    array, axes = array.reshape([array.shape[axis] for axis in long]), "".join(axes[axis] for axis in long)
    if axes in ("YXS", "SYX") and array.shape[axes.index("S")] in (3, 4):
        return np.moveaxis(array, axes.index("S"), -1)[..., :3], True
    if axes == "YX" or (len(axes) == 3 and axes[0] in _SLICES and axes[1:] == "YX"):
        return array, False
    raise FileFormatError(
        f"{path}: expected a plane, slices or an RGB image, got axes {axes} of {array.shape}: save one channel and time"
    )
