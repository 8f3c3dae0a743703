"""PNG: one plane (y, x) of 1 to 16 bits, or (y, x, 3) in colour.

Grey samples are taken as they are stored (a 2-bit 3 is 3, not 255). A palette is read as its colours by ``read`` and
as its indices by ``read_labels``. A transparency channel is left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.memory import new_array, reserve_memory
from maskwright.engine.io.payload import require_possible
from maskwright.engine.io.resolution import (
    AFFINE_KEY,
    MM_PER_INCH,
    affine_note,
    measured_affine,
    noted_affine,
)
from maskwright.engine.storage import atomic_file
from maskwright.engine.volume import LabelMap, Source, Volume
from maskwright.errors import FileFormatError, InputError, LabelError

if TYPE_CHECKING:
    from PIL import Image

NAME = "PNG"
_GREY, _COLOR, _PALETTE, _GREY_ALPHA, _COLOR_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {_COLOR: 3, _GREY_ALPHA: 2, _COLOR_ALPHA: 4}  # one elsewhere
_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I": 4, "LA": 4, "RGB": 4, "RGBA": 4}  # in Pillow's memory, by mode
_STRIP_PIXELS = 1 << 18


def read_png(path: Path) -> Volume:
    """Read an image; colour is uint8 with a last axis of 3."""
    array, affine = _read(path, as_labels=False)
    return Volume(array, affine, Source(path, NAME), color=array.ndim == 3)


def read_png_labels(path: Path) -> LabelMap:
    """Read labels; a colour image without a palette is refused."""
    array, affine = _read(path, as_labels=True)
    return LabelMap(array, affine, Source(path, NAME))


def write_png(volume: Volume | LabelMap, path: Path) -> None:
    """Write a plane of bool, uint8 or uint16, or an uint8 colour image, with its spacing and affine."""
    from PIL import Image, PngImagePlugin

    array = volume.array
    color = isinstance(volume, Volume) and volume.color
    if len(volume.grid.shape) != 2 or array.dtype.name not in (("uint8",) if color else ("bool", "uint8", "uint16")):
        raise InputError(
            f"{path}: PNG holds one plane of uint8 or uint16 (colour: uint8), got shape {array.shape} of {array.dtype};"
            " write .tif, .nrrd or .nii.gz"
        )
    notes, dpi = PngImagePlugin.PngInfo(), None
    if volume.affine is not None:
        notes.add_text(AFFINE_KEY, json.dumps(affine_note(volume.affine, volume.grid.shape)))
        y, x = volume.grid.require_spacing()
        dpi = {"dpi": (MM_PER_INCH / x, MM_PER_INCH / y)}
    if array.dtype == bool:
        array = array.view(np.uint8)
    with atomic_file(path) as unfinished:
        Image.fromarray(np.ascontiguousarray(array)).save(unfinished, format="PNG", pnginfo=notes, **(dpi or {}))


@dataclass(frozen=True)
class _Start:
    """The first chunk of a PNG file."""

    width: int
    height: int
    bits: int
    color_type: int


def _read_start(path: Path) -> _Start:
    with path.open("rb") as file:
        start = file.read(26)
    if len(start) < 26 or start[:8] != b"\x89PNG\r\n\x1a\n" or start[12:16] != b"IHDR":
        raise FileFormatError(f"{path}: not a PNG file, or one that ends in its header")
    return _Start(int.from_bytes(start[16:20]), int.from_bytes(start[20:24]), start[24], start[25])


def _read(path: Path, *, as_labels: bool) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    from PIL.PngImagePlugin import PngImageFile

    start = _read_start(path)
    if start.bits == 16 and start.color_type != _GREY:
        raise FileFormatError(f"{path}: PNG of 16 bits is read in grey only; save as 8 bits or as TIFF")
    if as_labels and start.color_type in (_COLOR, _COLOR_ALPHA):
        raise LabelError("a colour image holds no labels: save one number per pixel (grey or palette)")
    pixels = start.width * start.height
    require_possible(path, pixels * _CHANNELS.get(start.color_type, 1) * start.bits // 8, "gzip")
    with PngImageFile(path) as image:  # Image.open would refuse large images, which are bounded by the file and memory
        reserve_memory(path, pixels * _PIXEL_BYTES[image.mode])
        image.load()
        array = _samples(path, image, start, as_labels=as_labels)
        return array, _affine_of(image, array.shape[:2])


def _samples(path: Path, image: Image.Image, start: _Start, *, as_labels: bool) -> NDArray[Any]:
    """Return the pixels, converted a few rows at a time, so that image and array are the only large things."""
    width, height = image.size
    step = max(1, _STRIP_PIXELS // width)
    array: NDArray[Any] | None = None
    for top in range(0, height, step):
        strip = _strip(image.crop((0, top, width, min(top + step, height))), start, as_labels=as_labels)
        if array is None:
            array = new_array(path, (height, *strip.shape[1:]), strip.dtype)
        array[top : top + step] = strip
    assert array is not None
    return array


def _strip(image: Image.Image, start: _Start, *, as_labels: bool) -> NDArray[Any]:
    if start.color_type == _PALETTE:
        return np.asarray(image if as_labels else image.convert("RGB"))
    if start.color_type == _GREY_ALPHA:
        return np.asarray(image.getchannel(0))
    if start.color_type == _COLOR_ALPHA:
        return np.asarray(image.convert("RGB"))
    array: NDArray[Any] = np.asarray(image)
    if array.dtype == bool:
        array = array.view(np.uint8) != 0  # Pillow's bools are bytes of 255
    # Pillow stretches 2 and 4 bits to 0 ... 255.
    return array // {2: 85, 4: 17}[start.bits] if start.bits in (2, 4) and start.color_type == _GREY else array


def _affine_of(image: Image.Image, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    noted = noted_affine(image.info.get(AFFINE_KEY), shape)
    if noted is not None:
        return noted
    x, y = image.info.get("dpi", (0, 0))
    return measured_affine(shape, (y / MM_PER_INCH, x / MM_PER_INCH))
