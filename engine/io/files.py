"""Read and write by name: find the format, apply a spacing the file lacks, turn every failure into one line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from maskwright.engine.io.formats import Format, reader_of, writer_of
from maskwright.engine.io.memory import reserve_memory
from maskwright.engine.io.quiet import quiet_libraries
from maskwright.engine.storage import storing
from maskwright.engine.volume import Grid, LabelMap, Volume
from maskwright.errors import FileFormatError, GeometryError, InputError, MaskwrightError

AnyVolume = TypeVar("AnyVolume", Volume, LabelMap)

_SPACING_TOLERANCE = 1e-3  # relative; spacings typed by hand are rounded


def read(path: str | os.PathLike[str], spacing_mm: Sequence[float] | None = None) -> Volume:
    """Read an image.

    Parameters
    ----------
    path : str or path
        A file, or the folder of a DICOM series or of an OME-Zarr image.
    spacing_mm : sequence of float, optional
        In array-axis order, for a file that has no spacing of its own (a PNG or TIFF without resolution).

    Returns
    -------
    Volume
        (z, y, x) or (y, x), in the stored order reversed and the stored type where the file does not scale; colour
        images have a last axis of 3.

    Raises
    ------
    FileFormatError
        The path is missing, damaged, of an unknown format, or of one that is not supported (the message says which).
    GeometryError
        ``spacing_mm`` contradicts the file's own spacing by more than 0.1 %, or the file's geometry is no grid.
    MissingExtraError
        The format needs an optional package.
    """
    path = _existing(path)
    kind = _kind_of(path)
    if kind.read is None:
        raise FileFormatError(f"{path}: a {kind.name} file holds labels, not an image; read it as labels")
    with _one_line_errors(path, kind.name):
        return _with_spacing(kind.read(path), spacing_mm)


def read_labels(path: str | os.PathLike[str], spacing_mm: Sequence[float] | None = None) -> LabelMap:
    """Read a label map; see ``read`` for the parameters and errors.

    Returns
    -------
    LabelMap
        uint8, uint16 or uint32, the smallest that holds the labels.

    Raises
    ------
    LabelError
        A value is negative, fractional, NaN or above 2**32 - 1.
    """
    path = _existing(path)
    kind = _kind_of(path)
    with _one_line_errors(path, kind.name):
        if kind.read_labels is not None:
            return _with_spacing(kind.read_labels(path), spacing_mm)
        assert kind.read is not None
        volume = kind.read(path)
        reserve_memory(path, _narrowing_bytes(volume.array))
        return _with_spacing(LabelMap(volume.array, volume.affine, volume.source), spacing_mm)


def write(volume: Volume | LabelMap, path: str | os.PathLike[str]) -> None:
    """Write an image or a label map in the format that the name ends in; an existing file is replaced whole.

    Raises
    ------
    FileFormatError
        The ending is not known, or the folder is missing.
    StorageError
        The disk is full, or the folder cannot be written to.
    InputError
        The format cannot hold this array (a PNG no volume, an integer format no float).
    """
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise FileFormatError(f"{path}: the folder to write to does not exist")
    kind = writer_of(path)
    assert kind.write is not None
    if isinstance(volume, Volume) and volume.color and not kind.color:
        raise InputError(f"{path}: {kind.name} holds no colour here: write PNG or TIFF")
    with storing(str(path)):
        kind.write(volume, path)


def _narrowing_bytes(array: NDArray[Any]) -> int:
    """Return how many bytes the copy takes at most that ``LabelMap`` makes of an array of another type."""
    itemsize = array.dtype.itemsize
    return array.size * {"b": 0, "u": min(itemsize // 2, 4)}.get(array.dtype.kind, min(itemsize, 4))


def _existing(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if len(str(path).splitlines()) > 1:
        raise FileFormatError(f"{str(path)!r}: a name of several lines is not supported")
    try:
        if path.exists():
            return path
    except (OSError, ValueError):  # a name too long, or with a zero byte
        pass
    raise FileFormatError(f"{path}: no such file or folder")


def _kind_of(path: Path) -> Format:
    with _one_line_errors(path, "a known format"):
        return reader_of(path)


@contextmanager
def _one_line_errors(path: Path, format_name: str) -> Iterator[None]:
    """Turn every error of a reader into one of ours that names the path, and drop its warnings.

    The libraries' own words are left out: they quote header fields, which can name a patient. The type of their error
    stays, and the error itself as the cause.
    """
    try:
        with quiet_libraries():
            yield
    except MaskwrightError as error:
        if isinstance(error, InputError) and str(path) not in str(error):
            raise type(error)(f"{path}: {error}") from error
        raise
    except OSError as error:
        reason = error.strerror or "the file is damaged"
        raise FileFormatError(f"{path}: cannot be read as {format_name} ({reason})") from error
    except MemoryError as error:
        raise FileFormatError(f"{path}: there is too little free memory to read it") from error
    except Exception as error:
        reason = f"damaged, or not such a file: {type(error).__name__}"
        raise FileFormatError(f"{path}: cannot be read as {format_name} ({reason})") from error


def _with_spacing(volume: AnyVolume, spacing_mm: Sequence[float] | None) -> AnyVolume:
    if spacing_mm is None:
        return volume
    grid = volume.grid
    given = Grid.from_spacing(grid.shape, spacing_mm)
    if grid.affine is None:
        return replace(volume, affine=given.affine)
    own = grid.require_spacing()
    wanted = given.require_spacing()
    if any(abs(a - b) > _SPACING_TOLERANCE * a for a, b in zip(own, wanted)):
        raise GeometryError(f"the file's own spacing is {own} mm and {wanted} was given; leave it out for this file")
    return volume
