"""TIFF: one plane (y, x), colour (y, x, 3), or pages that are slices (z, y, x)."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.payload import require_room
from maskwright.engine.io.resolution import AFFINE_KEY, affine_note
from maskwright.engine.io.tiff_spacing import affine_of
from maskwright.engine.storage import atomic_file
from maskwright.engine.volume import LabelMap, Source, Volume
from maskwright.errors import FileFormatError, LabelError

NAME = "TIFF"
_LOSSY = (6, 7, 33003, 33005, 34712)  # JPEG (old, new), JPEG 2000 (Aperio's two, plain)
_SLICES = "ZIQ"  # tifffile's letters for pages: z, "images" and unknown


def matches(path: Path) -> bool:
    """Tell whether the name is that of a TIFF file."""
    return path.name.lower().endswith((".tif", ".tiff"))


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

    with _complaints(path), tifffile.TiffFile(path) as file:
        if len(file.series) != 1:
            raise FileFormatError(f"{path}: holds {len(file.series)} images: save the one that is meant")
        series = file.series[0]
        compression = int(series.keyframe.compression)
        if as_labels and compression in _LOSSY:
            raise FileFormatError(f"{path}: compressed as JPEG, which changes labels: save without loss (deflate, LZW)")
        require_room(path, int(series.nbytes), "raw" if compression == 1 else "tiff")
        array, color = _spatial(path, _decoded(path, series), series.axes)
        if as_labels and color:
            raise LabelError("a colour image holds no labels: save one number per pixel")
        affine = affine_of(file, array.shape[:-1] if color else array.shape)
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


@contextmanager
def _complaints(path: Path) -> Iterator[None]:
    """Turn what tifffile only logs about pages and series into an error.

    It reads a file that was cut off as one of fewer pages. What it logs about tags stays unsaid: they are many, and
    without one of them a spacing is unknown, but no voxel wrong.
    """
    log, records = logging.getLogger("tifffile"), _Records()
    propagate, log.propagate = log.propagate, False
    log.addHandler(records)
    try:
        yield
    finally:
        log.removeHandler(records)
        log.propagate = propagate
    if any(re.search("TiffPage|TiffFrame|series", message) for message in records.messages):
        raise FileFormatError(f"{path}: its pages do not fit together: the file is damaged or cut off")


class _Records(logging.Handler):
    """The messages logged while it is a handler."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.messages.append(record.getMessage())


def _decoded(path: Path, series: Any) -> NDArray[Any]:
    """Return the samples; LZW and JPEG, which tifffile leaves to another package, are decoded by Pillow."""
    try:
        return np.asarray(series.asarray())
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
    from PIL import Image, ImageSequence

    try:
        with _libtiff_silenced(), Image.open(path, formats=["TIFF"]) as image:
            array = np.stack([np.array(page) for page in ImageSequence.Iterator(image)])
    except Image.DecompressionBombError:
        raise FileFormatError(f"{path}: too large a plane for LZW or JPEG: save it deflated or uncompressed") from None
    if array.dtype == bool:
        array = array.view(np.uint8) != 0  # Pillow's bools are bytes of 255
    if array.size != np.prod(series.shape) or array.dtype.itemsize != series.dtype.itemsize:
        raise FileFormatError(f"{path}: this compression is not supported: save it uncompressed or deflated")
    return array.reshape(series.shape).view(series.dtype.newbyteorder("="))


@contextmanager
def _libtiff_silenced() -> Iterator[None]:
    """Send the process's standard error nowhere: libtiff, below Pillow, prints there what Pillow raises as well."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


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
